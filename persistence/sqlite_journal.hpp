#pragma once

#include "persistence/operations.hpp"
#include "persistence/sqlite_connection.hpp"
#include "persistence/sqlite_statement.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Appends to journals and conversations. Positions come from a counter in
/// memory: the writer is alone, so commit order is the order of counting.
namespace troupe {

/// Where the next entry of one task's journal goes.
struct journal_tail {
  std::shared_ptr<const event_source> source;
  /// Of the last entry; 0 before the first.
  std::int64_t seq = 0;
  int attempt = 0;
  timestamp at{};
};

class sqlite_journal {
public:
  explicit sqlite_journal(sqlite_connection& connection);

  /// Appends an entry, moves `tail` on, and returns the entry's position.
  std::int64_t append(journal_tail& tail, event_type type, std::string data);
  void append(journal_tail& tail, const std::vector<new_event>& events);

  /// Stores messages ahead of the entries that their step appends next.
  void add_messages(const journal_tail& tail, const std::vector<message_record>& messages);
  /// Makes the positions of messages survive a restart if no entry follows them.
  void keep_position();

  void add_user_message(const journal_tail& tail, std::int64_t position, std::string_view content);
  void add_answer(const journal_tail& tail, std::int64_t position, std::string_view content);

  /// True if the thread has a message other than `task_id`'s user message.
  bool has_history(const uuid& thread_id, const uuid& task_id);

  /// Writes a result for each tool call of the task that has none, and tells it.
  void seal_tool_calls(journal_tail& tail);

  // -- the batch ----------------------------------------------------------------

  /// Marks the place that `roll_back` returns to.
  void begin();
  void roll_back();
  /// Gives away the entries appended since `begin`.
  std::vector<event_record> take() { return std::exchange(appended_, {}); }

private:
  void add_message(const journal_tail& tail, std::int64_t position, const message_record& message);

  std::int64_t position_;
  std::int64_t position_at_begin_;
  std::vector<event_record> appended_;
  sqlite_statement insert_event_;
  sqlite_statement insert_message_;
  sqlite_statement insert_plain_message_;
  sqlite_statement find_history_;
  sqlite_statement find_calls_;
  sqlite_statement save_position_;
};

} // namespace troupe
