#include "persistence/postgres/tables/tasks.hpp"

#include "persistence/postgres/row_sql.hpp"
#include "persistence/rows/record_columns.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace troupe {

namespace {

const std::string& put_attempts() {
  static const std::string sql
    = pg_put_rows({"attempts", texts_of(columns<attempt_record>, {beside<uuid>("task_id")})}, "task_id, attempt");
  return sql;
}

open_task open(const pg_row& r) {
  open_task task;
  task.source = std::make_shared<const event_source>(
    event_source{r.record.id, r.record.thread_id, r.record.ns, r.record.created_by});
  task.name = r.record.name;
  task.bot = r.record.bot;
  task.bot_ns = r.record.bot_ns;
  task.usage = r.record.usage;
  task.status = r.record.status;
  task.waits_for = r.record.waits_for;
  task.attempt = r.record.attempt;
  task.last_seq = r.last_seq;
  if (r.queue) {
    task.status = r.queue->entry.held ? task_status::running : task_status::pending;
    task.attempt = r.queue->attempt;
    task.last_seq = r.queue->last_seq;
    task.entry = r.queue->entry;
  }
  return task;
}

std::optional<open_task> open_unless_deleted(const pg_row* r) {
  return r && !r->deleted ? std::optional{open(*r)} : std::nullopt;
}

} // namespace

// -- reading ----------------------------------------------------------------------

std::optional<open_task> pg_tasks::load(const uuid& id) {
  return open_unless_deleted(rows_.find_whole(id));
}

std::optional<open_task> pg_tasks::load_running(const uuid& id) {
  return open_unless_deleted(rows_.find(id));
}

std::optional<task_record> pg_tasks::read(const uuid& id) {
  const auto* r = rows_.find_whole(id);
  if (!r)
    return std::nullopt;
  auto task = r->record;
  if (!r->queue)
    return task;
  const auto& q = *r->queue;
  task.attempt = q.attempt;
  task.status = q.entry.held ? task_status::running : task_status::pending;
  if (q.entry.state == queue_state::running) {
    task.node = q.entry.node;
    if (!task.started_at)
      task.started_at = q.entry.started_at;
    task.updated_at = std::max(task.updated_at, q.entry.started_at);
    task.waits_for = wait_reason::none;
  }
  return task;
}

std::optional<std::string> pg_tasks::thread_namespace(const uuid& thread_id) {
  for (const auto& [id, r] : rows_.all())
    if (r.record.thread_id == thread_id)
      return r.record.ns;
  auto rows = connection_->query("SELECT ns FROM tasks WHERE id = $1::uuid AND thread_id = $1::uuid UNION ALL "
                                 "(SELECT ns FROM tasks WHERE thread_id = $1::uuid AND thread_id <> id LIMIT 1)",
                                 thread_id);
  return rows.next() ? std::optional{rows.take<std::string>()} : std::nullopt;
}

// -- changes ----------------------------------------------------------------------

void pg_tasks::insert(const task_record& task, std::int64_t last_seq) {
  pg_row r;
  r.record = task;
  r.whole = r.is_new = true;
  r.last_seq = last_seq;
  rows_.all().insert_or_assign(task.id, std::move(r));
}

void pg_tasks::start(const uuid&, int, std::string_view, timestamp) {
  // The queue's row says it all.
}

void pg_tasks::set_queued(const uuid& id, std::string_view bot, std::string_view bot_ns, int max_attempts,
                          std::int64_t last_seq, timestamp at) {
  auto& r = rows_.at(id);
  auto& task = r.record;
  task.status = task_status::pending;
  task.queued = true;
  task.bot = bot;
  task.bot_ns = bot_ns;
  task.max_attempts = max_attempts;
  task.updated_at = at;
  task.completed_at.reset();
  task.error.reset();
  task.error_kind.reset();
  task.finish.reset();
  task.output.reset();
  r.last_seq = last_seq;
  r.changed = true;
}

void pg_tasks::start_by_hand(const open_task& task, std::string_view node, std::int64_t last_seq, timestamp at) {
  auto& r = rows_.at(task.id());
  r.record.status = task_status::running;
  r.record.queued = false;
  r.record.attempt = task.attempt;
  r.record.node = node;
  r.record.updated_at = at;
  if (!r.record.started_at)
    r.record.started_at = at;
  r.last_seq = last_seq;
  r.changed = true;
}

void pg_tasks::set_deleted(const uuid& id, std::int64_t last_seq, timestamp at) {
  auto& r = rows_.at(id);
  r.deleted = true;
  r.deleted_at = at;
  r.record.updated_at = at;
  r.last_seq = last_seq;
  r.changed = true;
}

void pg_tasks::store_usage(const open_task& task, wait_reason waits_for, timestamp at) {
  auto& r = rows_.at(task.id());
  r.record.waits_for = waits_for;
  r.record.usage = task.usage;
  r.record.updated_at = at;
  r.changed = true;
}

void pg_tasks::finish(const open_task& task, const journal_tail& tail, const task_end& end) {
  auto& r = rows_.at(task.id());
  auto& record = r.record;
  record.status = end.status;
  record.waits_for = wait_reason::none;
  record.queued = false;
  record.attempt = task.attempt;
  record.usage = task.usage;
  record.updated_at = tail.at;
  record.completed_at = tail.at;
  record.error_kind = end.kind;
  record.finish = end.finish;
  record.error = end.error;
  record.output = end.output;
  if (task.is_claimed()) {
    record.node = task.entry->node;
    if (!record.started_at)
      record.started_at = task.entry->started_at;
  }
  r.last_seq = tail.seq;
  r.changed = true;
}

void pg_tasks::put_attempt(const uuid& id, const attempt_record& attempt) {
  attempts_.push_back({id, attempt});
}

// -- the batch --------------------------------------------------------------------

void pg_tasks::write(std::string& sql) {
  // One statement must not meet a row twice: of an attempt that was put twice the latter counts.
  std::map<std::pair<uuid, int>, const attempt_record*> latest;
  for (const auto& staged : attempts_)
    latest[{staged.task_id, staged.attempt.attempt}] = &staged.attempt;
  pg_columns attempts{1 + count_inserted(columns<attempt_record>)};
  for (const auto& [key, attempt] : latest)
    attempts.add_row([&key = key, &attempt = attempt](auto put) {
      put(key.first);
      each_inserted(columns<attempt_record>, *attempt, put);
    });
  if (attempts.rows() > 0)
    attempts.write(sql, connection_->prepared(put_attempts()), false);
}

} // namespace troupe
