#include "persistence/documents.hpp"
#include "persistence/pg_unit.hpp"

#include <algorithm>
#include <utility>

/// Tasks, their journals and the keys, as a batch sees them.
namespace troupe {

// -- keys -----------------------------------------------------------------------

std::optional<key_table::seen> pg_unit::find(const std::string& key) {
  const auto known = seen_keys_.find(key);
  return known == seen_keys_.end() ? std::nullopt : known->second;
}

void pg_unit::insert(const idempotency_key& key, const uuid& task_id, timestamp at) {
  seen_keys_[key.key] = seen{key.fingerprint, task_id};
  keys_.push_back({key, task_id, at});
}

void pg_unit::forget(timestamp before) {
  connection_->query("DELETE FROM idempotency_keys WHERE created_at < $1::bigint", before);
  // A fate that has been unknown for so long interests nobody any more.
  connection_->query("DELETE FROM batches WHERE at < $1::bigint", before);
}

// -- journals -------------------------------------------------------------------

std::int64_t pg_unit::append(journal_tail& tail, event_type type, std::string data) {
  events_.push_back({tail.source, ++tail.seq, ++ordinal_, tail.attempt, type, tail.at, std::move(data)});
  return ordinal_;
}

void pg_unit::add_messages(const journal_tail& tail, const std::vector<message_record>& messages) {
  for (const auto& message : messages)
    add_message(tail, ++ordinal_, message);
}

void pg_unit::add_message(const journal_tail& tail, std::int64_t position, const message_record& message) {
  staged_message staged{tail.source->thread_id, position, message};
  staged.message.task_id = tail.source->task_id;
  staged.message.attempt = tail.attempt;
  staged.message.created_at = tail.at;
  messages_.push_back(std::move(staged));
}

void pg_unit::add_plain_message(const journal_tail& tail, std::int64_t position, message_role role,
                                std::string_view content) {
  message_record message;
  message.role = role;
  message.content = content;
  add_message(tail, position, message);
}

bool pg_unit::has_history(const uuid&, const uuid& task_id) {
  return must(task_id).has_history;
}

std::vector<tool_call> pg_unit::open_calls(const uuid& thread_id, const uuid& task_id) {
  std::vector<tool_call> open;
  const auto look = [&](message_role role, const std::vector<tool_call>& calls, const std::string& call_id) {
    if (role == message_role::tool)
      std::erase_if(open, [&](const tool_call& call) { return call.call_id == call_id; });
    open.insert(open.end(), calls.begin(), calls.end());
  };
  auto rows = connection_->query("SELECT role, tool_calls, call_id FROM messages WHERE thread_id = $1::uuid "
                                 "AND task_id = $2::uuid AND role <> 0 ORDER BY position",
                                 thread_id, task_id);
  while (rows.next()) {
    const auto role = rows.take<message_role>();
    const auto calls = rows.take<std::string>();
    look(role, calls.empty() ? std::vector<tool_call>{} : tool_calls_from_document(calls), rows.take<std::string>());
  }
  for (const auto& staged : messages_)
    if (staged.message.task_id == task_id)
      look(staged.message.role, staged.message.tool_calls, staged.message.call_id);
  return open;
}

// -- tasks ----------------------------------------------------------------------

void pg_unit::insert(const task_record& task, std::int64_t last_seq) {
  pg_row r;
  r.record = task;
  r.whole = r.is_new = true;
  r.last_seq = last_seq;
  rows_.insert_or_assign(task.id, std::move(r));
}

std::optional<open_task> pg_unit::load(const uuid& id) {
  const auto* r = row(id, true);
  return r && !r->deleted ? std::optional{open(*r)} : std::nullopt;
}

std::optional<open_task> pg_unit::load_running(const uuid& id) {
  const auto* r = row(id, false);
  return r && !r->deleted ? std::optional{open(*r)} : std::nullopt;
}

std::optional<task_record> pg_unit::read(const uuid& id) {
  const auto* r = row(id, true);
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

std::optional<std::string> pg_unit::thread_namespace(const uuid& thread_id) {
  for (const auto& [id, r] : rows_)
    if (r.record.thread_id == thread_id)
      return r.record.ns;
  auto rows = connection_->query("SELECT ns FROM tasks WHERE id = $1::uuid AND thread_id = $1::uuid UNION ALL "
                                 "(SELECT ns FROM tasks WHERE thread_id = $1::uuid AND thread_id <> id LIMIT 1)",
                                 thread_id);
  return rows.next() ? std::optional{rows.take<std::string>()} : std::nullopt;
}

void pg_unit::start(const uuid&, int, std::string_view, timestamp) {
  // The queue's row says it all.
}

void pg_unit::set_queued(const uuid& id, std::string_view bot, std::string_view bot_ns, int max_attempts,
                         std::int64_t last_seq, timestamp at) {
  auto& r = must(id);
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

void pg_unit::start_by_hand(const open_task& task, std::string_view node, std::int64_t last_seq, timestamp at) {
  auto& r = must(task.id());
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

void pg_unit::set_deleted(const uuid& id, std::int64_t last_seq, timestamp at) {
  auto& r = must(id);
  r.deleted = true;
  r.deleted_at = at;
  r.record.updated_at = at;
  r.last_seq = last_seq;
  r.changed = true;
}

void pg_unit::store_usage(const open_task& task, wait_reason waits_for, timestamp at) {
  auto& r = must(task.id());
  r.record.waits_for = waits_for;
  r.record.usage = task.usage;
  r.record.updated_at = at;
  r.changed = true;
}

void pg_unit::finish(const open_task& task, const journal_tail& tail, const task_end& end) {
  auto& r = must(task.id());
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

void pg_unit::put_attempt(const uuid& id, const attempt_record& attempt) {
  attempts_.push_back({id, attempt});
}

} // namespace troupe
