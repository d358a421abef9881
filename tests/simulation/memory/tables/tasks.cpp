#include "tests/simulation/memory/tables/tasks.hpp"

#include <memory>
#include <stdexcept>
#include <utility>

namespace troupe {

namespace {

void begin(task_record& task, int attempt, std::string_view node, timestamp at) {
  task.status = task_status::running;
  task.attempt = attempt;
  task.node = node;
  task.updated_at = at;
  if (!task.started_at)
    task.started_at = at;
}

} // namespace

// -- reading ------------------------------------------------------------------------

std::optional<open_task> memory_tasks::load(const uuid& id) {
  const auto* row = data_.tasks.find(id);
  if (!row || row->deleted)
    return std::nullopt;
  const auto& record = row->record;
  open_task task;
  task.source = row->source;
  task.name = record.name;
  task.bot = record.bot;
  task.bot_ns = record.bot_ns;
  task.status = record.status;
  task.waits_for = record.waits_for;
  task.attempt = record.attempt;
  task.usage = record.usage;
  task.last_seq = row->last_seq;
  if (const auto* queued = data_.queue.find(id)) {
    task.last_seq = queued->last_seq;
    task.entry = queued->entry;
  }
  return task;
}

std::optional<task_record> memory_tasks::read(const uuid& id) {
  const auto* row = data_.tasks.find(id);
  return row ? std::optional{row->record} : std::nullopt;
}

std::optional<std::string> memory_tasks::thread_namespace(const uuid& thread_id) {
  const auto& members = data_.tasks.index().of_thread(thread_id);
  return members.empty() ? std::nullopt : std::optional{data_.tasks.find(*members.begin())->record.ns};
}

// -- changes ------------------------------------------------------------------------

void memory_tasks::insert(const task_record& task, std::int64_t last_seq) {
  if (data_.tasks.find(task.id))
    throw std::invalid_argument{"the task is there already"};
  memory_task row{task, nullptr, last_seq, false};
  row.record.finish.reset();
  row.record.waits_for = wait_reason::none;
  row.source = std::make_shared<const event_source>(event_source{task.id, task.thread_id, task.ns, task.created_by});
  data_.tasks.put(task.id, std::move(row));
}

void memory_tasks::start(const uuid& id, int attempt, std::string_view node, timestamp at) {
  data_.tasks.edit(id, [&](memory_task& row) {
    begin(row.record, attempt, node, at);
    row.record.waits_for = wait_reason::none;
  });
}

void memory_tasks::set_queued(const uuid& id, std::string_view bot, std::string_view bot_ns, int max_attempts,
                              std::int64_t last_seq, timestamp at) {
  data_.tasks.edit(id, [&](memory_task& row) {
    row.last_seq = last_seq;
    auto& task = row.record;
    task.status = task_status::pending;
    task.queued = true;
    task.bot = bot;
    task.bot_ns = bot_ns;
    task.max_attempts = max_attempts;
    task.updated_at = at;
    task.completed_at.reset();
    task.error.reset();
    task.error_kind.reset();
    task.output.reset();
    task.finish.reset();
  });
}

void memory_tasks::start_by_hand(const open_task& task, std::string_view node, std::int64_t last_seq, timestamp at) {
  data_.tasks.edit(task.id(), [&](memory_task& row) {
    begin(row.record, task.attempt, node, at);
    row.record.queued = false;
    row.last_seq = last_seq;
  });
}

void memory_tasks::set_deleted(const uuid& id, std::int64_t last_seq, timestamp at) {
  data_.tasks.edit(id, [&](memory_task& row) {
    row.deleted = true;
    row.record.updated_at = at;
    row.last_seq = last_seq;
  });
}

void memory_tasks::store_usage(const open_task& task, wait_reason waits_for, timestamp at) {
  data_.tasks.edit(task.id(), [&](memory_task& row) {
    row.record.usage = task.usage;
    row.record.updated_at = at;
    row.record.waits_for = waits_for;
  });
}

void memory_tasks::finish(const open_task& task, const journal_tail& tail, const task_end& end) {
  data_.tasks.edit(task.id(), [&](memory_task& row) {
    row.last_seq = tail.seq;
    auto& record = row.record;
    record.status = end.status;
    record.queued = false;
    record.usage = task.usage;
    record.updated_at = tail.at;
    record.completed_at = tail.at;
    record.error_kind = end.kind;
    record.error = end.error;
    record.output = end.output;
    record.finish = end.finish;
    record.waits_for = wait_reason::none;
  });
}

void memory_tasks::put_attempt(const uuid& id, const attempt_record& attempt) {
  const std::pair key{id, attempt.attempt};
  auto row = attempt;
  if (const auto* before = data_.attempts.find(key)) {
    row.started_at = before->started_at;
    row.node = before->node;
  }
  data_.attempts.put(key, std::move(row));
}

} // namespace troupe
