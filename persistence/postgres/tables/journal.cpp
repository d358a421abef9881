#include "persistence/postgres/tables/journal.hpp"

#include "persistence/postgres/row_sql.hpp"
#include "persistence/rows/documents.hpp"
#include "persistence/rows/record_columns.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace troupe {

namespace {

constexpr std::string_view draw_positions = "SELECT draw_positions($1::bigint)";

/// Further than any standby is behind, and room for two billion timelines.
constexpr std::string_view leave_positions_out
  = "SELECT setval('positions', nextval('positions') + 4294967296) "
    "WHERE EXISTS(SELECT 1 FROM meta WHERE name = 'timeline' AND value <> $1::text)";
constexpr std::string_view note_timeline = "INSERT INTO meta(name, value) VALUES('timeline', $1::text) "
                                           "ON CONFLICT(name) DO UPDATE SET value = excluded.value";

// What follows goes behind draw_positions in its transaction: positions count from its result back.
constexpr std::string_view position_of_ordinal = "currval('positions') - $1::bigint + u.ordinal";

const std::string& insert_events() {
  static const std::string sql = pg_insert_rows({.table = "events",
                                                 .columns = texts_of(columns<event_record>, {beside<uuid>("task_id")}),
                                                 .derived = {{"position", position_of_ordinal}},
                                                 .helpers = {beside<std::int64_t>("ordinal")},
                                                 .values_before = 1});
  return sql;
}

const std::string& insert_messages() {
  static const std::string sql
    = pg_insert_rows({.table = "messages",
                      .columns = texts_of(columns<message_record>, {beside<uuid>("thread_id")}),
                      .derived = {{"position", position_of_ordinal}},
                      .helpers = {beside<std::int64_t>("ordinal")},
                      .values_before = 1});
  return sql;
}

/// Appends `EXECUTE name(first, arrays…);`.
void append_with(std::string& sql, const std::string& name, std::int64_t first, const pg_columns& columns) {
  std::string text;
  columns.write(text, name, false);
  text.insert(text.find('(') + 1, std::to_string(first) + ",");
  sql += text;
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

// -- the timeline -----------------------------------------------------------------

void pg_journal::begin_timeline(std::uint32_t timeline) {
  const auto name = std::to_string(timeline);
  if (connection_->query("SELECT 1 FROM meta WHERE name = 'timeline' AND value = $1::text", name).next())
    return;
  // The lock of draw_positions: whoever is first on a timeline does this before anybody draws from it.
  std::string sql{"SELECT pg_advisory_xact_lock(1416785254);"};
  connection_->append(sql, leave_positions_out, name);
  connection_->append(sql, note_timeline, name);
  connection_->run(sql);
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
  pg_columns events{2 + count_inserted(columns<event_record>)};
  for (const auto& event : events_)
    events.add_row([&](auto put) {
      put(event.source->task_id);
      each_inserted(columns<event_record>, event, put);
      put(event.position);
    });
  if (events.rows() > 0)
    append_with(sql, connection_->prepared(insert_events()), ordinal_, events);
}

void pg_journal::write_messages(std::string& sql) {
  pg_columns messages{2 + count_inserted(columns<message_record>)};
  for (const auto& staged : messages_)
    messages.add_row([&](auto put) {
      put(staged.thread_id);
      each_inserted(columns<message_record>, staged.message, put);
      put(staged.position);
    });
  if (messages.rows() > 0)
    append_with(sql, connection_->prepared(insert_messages()), ordinal_, messages);
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
