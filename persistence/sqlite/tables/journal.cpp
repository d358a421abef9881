#include "persistence/sqlite/tables/journal.hpp"

#include "persistence/rows/documents.hpp"
#include "persistence/rows/record_columns.hpp"
#include "persistence/rows/sql_text.hpp"

#include <algorithm>

namespace troupe {
namespace {

std::int64_t latest_position(sqlite_connection& connection) {
  return std::max(connection.number("SELECT coalesce(max(position), 0) FROM events"),
                  connection.number("SELECT value FROM meta WHERE name = 'position'"));
}

} // namespace

sqlite_journal::sqlite_journal(sqlite_connection& connection)
  : position_{latest_position(connection)}, position_at_begin_{position_},
    insert_event_{connection.get(),
                  insert_statement("events", texts_of(columns<event_record>,
                                                      {beside<std::int64_t>("position"), beside<uuid>("task_id")}))},
    insert_message_{connection.get(), insert_statement("messages", texts_of(columns<message_record>,
                                                                            {beside<uuid>("thread_id"),
                                                                             beside<std::int64_t>("position")}))},
    insert_plain_message_{connection.get(), "INSERT INTO messages(thread_id, position, task_id, role, attempt, "
                                            "created_at, content) VALUES(?, ?, ?, ?, ?, ?, ?)"},
    find_history_{connection.get(), "SELECT 1 FROM messages WHERE thread_id = ? AND NOT (task_id = ? AND role = 0) "
                                    "LIMIT 1"},
    find_calls_{connection.get(),
                "SELECT role, tool_calls, call_id FROM messages WHERE thread_id = ?1 AND task_id = ?2 "
                "AND role <> 0 AND position > coalesce((SELECT position FROM events "
                "WHERE task_id = ?2 AND seq = 1), 0) ORDER BY position"},
    save_position_{connection.get(), "INSERT INTO meta(name, value) VALUES('position', ?) "
                                     "ON CONFLICT(name) DO UPDATE SET value = excluded.value"} {}

// -- entries --------------------------------------------------------------------

std::int64_t sqlite_journal::append(journal_tail& tail, event_type type, std::string data) {
  event_record event{tail.source, ++tail.seq, ++position_, tail.attempt, type, tail.at, std::move(data)};
  insert_event_.run_each([&](auto put) {
    put(event.position);
    put(event.source->task_id);
    each_inserted(columns<event_record>, event, put);
  });
  appended_.push_back(std::move(event));
  return position_;
}

// -- messages -------------------------------------------------------------------

void sqlite_journal::add_message(const journal_tail& tail, std::int64_t position, const message_record& message) {
  insert_message_.run_each([&](auto put) {
    put(tail.source->thread_id);
    put(position);
    put(tail.source->task_id);
    put(tail.attempt);
    put(tail.at);
    each_inserted(message_body, message, put);
  });
}

void sqlite_journal::add_messages(const journal_tail& tail, const std::vector<message_record>& messages) {
  for (const auto& message : messages)
    add_message(tail, ++position_, message);
}

void sqlite_journal::keep_position() {
  save_position_.run(position_);
}

void sqlite_journal::add_plain_message(const journal_tail& tail, std::int64_t position, message_role role,
                                       std::string_view content) {
  insert_plain_message_.run(tail.source->thread_id, position, tail.source->task_id, role, tail.attempt, tail.at,
                            content);
}

bool sqlite_journal::has_history(const uuid& thread_id, const uuid& task_id) {
  return find_history_.query(thread_id, task_id).next();
}

std::vector<tool_call> sqlite_journal::open_calls(const uuid& thread_id, const uuid& task_id) {
  std::vector<tool_call> open;
  auto rows = find_calls_.query(thread_id, task_id);
  while (rows.next()) {
    const auto role = rows.take<message_role>();
    const auto calls = rows.take<std::optional<std::string>>();
    const auto call_id = rows.take<std::string>();
    if (role == message_role::tool)
      std::erase_if(open, [&](const tool_call& call) { return call.call_id == call_id; });
    else if (calls)
      for (auto& call : tool_calls_from_document(*calls))
        open.push_back(std::move(call));
  }
  return open;
}

// -- the batch ------------------------------------------------------------------

void sqlite_journal::begin() {
  position_at_begin_ = position_;
  appended_.clear();
}

void sqlite_journal::roll_back() {
  position_ = position_at_begin_;
  appended_.clear();
}

} // namespace troupe
