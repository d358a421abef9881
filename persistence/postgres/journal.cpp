#include "persistence/postgres/journal.hpp"

#include "persistence/documents.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace troupe {

namespace {

constexpr std::string_view draw_positions = "SELECT draw_positions($1::bigint)";

// Behind draw_positions in its transaction: positions count from its result back.
constexpr std::string_view insert_events = R"sql(
INSERT INTO events(position, task_id, seq, at, attempt, type, data)
SELECT currval('positions') - $1::bigint + u.ordinal, u.task_id, u.seq, u.at, u.attempt, u.type, u.data
FROM unnest($2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[], $6::int[], $7::smallint[], $8::text[])
  AS u(ordinal, task_id, seq, at, attempt, type, data))sql";

constexpr std::string_view insert_messages = R"sql(
INSERT INTO messages(thread_id, position, task_id, created_at, attempt, role, content, tool_calls, call_id, tool,
  thinking, interrupted, origin)
SELECT u.thread_id, currval('positions') - $1::bigint + u.ordinal, u.task_id, u.created_at, u.attempt, u.role,
  u.content, u.tool_calls, u.call_id, u.tool, u.thinking, u.interrupted, u.origin
FROM unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::bigint[], $6::int[], $7::smallint[], $8::text[], $9::text[],
  $10::text[], $11::text[], $12::text[], $13::boolean[], $14::text[])
  AS u(thread_id, ordinal, task_id, created_at, attempt, role, content, tool_calls, call_id, tool, thinking,
    interrupted, origin))sql";

/// Appends `EXECUTE name(first, arrays…);`.
void append_with(std::string& sql, const std::string& name, std::int64_t first, const pg_columns& columns) {
  std::string text;
  columns.write(text, name, false);
  text.insert(text.find('(') + 1, std::to_string(first) + ",");
  sql += text;
}

std::optional<std::string_view> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string_view>{text};
}

} // namespace

std::int64_t pg_journal::append(journal_tail& tail, event_type type, std::string data) {
  events_.push_back({tail.source, ++tail.seq, ++ordinal_, tail.attempt, type, tail.at, std::move(data)});
  return ordinal_;
}

void pg_journal::add_messages(const journal_tail& tail, const std::vector<message_record>& messages) {
  for (const auto& message : messages)
    add_message(tail, ++ordinal_, message);
}

void pg_journal::add_message(const journal_tail& tail, std::int64_t position, const message_record& message) {
  staged_message staged{tail.source->thread_id, position, message};
  staged.message.task_id = tail.source->task_id;
  staged.message.attempt = tail.attempt;
  staged.message.created_at = tail.at;
  messages_.push_back(std::move(staged));
}

void pg_journal::add_plain_message(const journal_tail& tail, std::int64_t position, message_role role,
                                   std::string_view content) {
  message_record message;
  message.role = role;
  message.content = content;
  add_message(tail, position, message);
}

bool pg_journal::has_history(const uuid&, const uuid& task_id) {
  return rows_.at(task_id).has_history;
}

bool pg_journal::has_staged_history(const task_record& task) const {
  return std::any_of(messages_.begin(), messages_.end(), [&](const auto& staged) {
    return staged.thread_id == task.thread_id
           && !(staged.message.task_id == task.id && staged.message.role == message_role::user);
  });
}

std::vector<tool_call> pg_journal::open_calls(const uuid& thread_id, const uuid& task_id) {
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

// -- the batch --------------------------------------------------------------------

void pg_journal::write(std::string& sql) {
  if (ordinal_ == 0)
    return;
  connection_->append(sql, draw_positions, ordinal_);
  write_events(sql);
  write_messages(sql);
}

void pg_journal::write_events(std::string& sql) {
  pg_columns events{7};
  for (const auto& e : events_)
    events.add(e.position, e.source->task_id, e.seq, e.at, e.attempt, e.type, e.data);
  if (events.rows() > 0)
    append_with(sql, connection_->prepared(insert_events), ordinal_, events);
}

void pg_journal::write_messages(std::string& sql) {
  pg_columns messages{13};
  for (const auto& staged : messages_) {
    const auto& m = staged.message;
    std::optional<std::string> calls;
    if (!m.tool_calls.empty())
      calls = to_document(m.tool_calls);
    std::optional<std::string_view> call_id;
    std::optional<std::string_view> tool;
    if (m.role == message_role::tool) {
      call_id = m.call_id;
      tool = m.tool;
    }
    messages.add(staged.thread_id, staged.position, m.task_id, m.created_at, m.attempt, m.role, m.content, calls,
                 call_id, tool, unless_empty(m.replay), m.interrupted, unless_empty(m.origin));
  }
  if (messages.rows() > 0)
    append_with(sql, connection_->prepared(insert_messages), ordinal_, messages);
}

void pg_journal::commit(committed& result, std::int64_t first) {
  for (auto& event : events_)
    event.position += first;
  result.events = std::exchange(events_, {});
  if (ordinal_ > 0) {
    result.from_position = first;
    result.to_position = first + ordinal_;
  }
  clear();
}

void pg_journal::clear() {
  events_.clear();
  messages_.clear();
  ordinal_ = 0;
}

} // namespace troupe
