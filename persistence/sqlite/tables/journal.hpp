#pragma once

#include "persistence/rules/tables.hpp"
#include "persistence/sqlite/connection.hpp"
#include "persistence/sqlite/statement.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Appends to journals and conversations. Positions come from a counter in
/// memory: the writer is alone, so commit order is the order of counting.
namespace troupe {

class sqlite_journal final : public journal_table {
public:
  explicit sqlite_journal(sqlite_connection& connection);

  using journal_table::append;
  std::int64_t append(journal_tail& tail, event_type type, std::string data) override;
  void add_messages(const journal_tail& tail, const std::vector<message_record>& messages) override;
  void keep_position() override;
  void add_message(const journal_tail& tail, std::int64_t position, const message_record& message) override;
  void add_plain_message(const journal_tail& tail, std::int64_t position, message_role role,
                         std::string_view content) override;
  bool has_history(const uuid& thread_id, const uuid& task_id) override;
  std::vector<tool_call> open_calls(const uuid& thread_id, const uuid& task_id) override;

  // -- the batch ----------------------------------------------------------------

  /// Marks the place that `roll_back` returns to.
  void begin();
  void roll_back();
  /// Gives away the entries appended since `begin`.
  std::vector<event_record> take() { return std::exchange(appended_, {}); }

  /// The position before the batch, and the one after it.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> range() const noexcept { return {position_at_begin_, position_}; }

private:
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
