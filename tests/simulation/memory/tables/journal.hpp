#pragma once

#include "persistence/rules/tables.hpp"
#include "tests/simulation/memory/memory_data.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Journals and conversations in memory.
namespace troupe {

class memory_journal final : public journal_table {
public:
  explicit memory_journal(memory_data& data) : data_{data} {}

  using journal_table::append;
  std::int64_t append(journal_tail& tail, event_type type, std::string data) override;
  void add_messages(const journal_tail& tail, const std::vector<message_record>& messages) override;
  /// Positions are stored with each batch.
  void keep_position() override {}
  void add_message(const journal_tail& tail, std::int64_t position, const message_record& message) override;
  void add_plain_message(const journal_tail& tail, std::int64_t position, message_role role,
                         std::string_view content) override;
  bool has_history(const uuid& thread_id, const uuid& task_id) override;
  std::vector<tool_call> open_calls(const uuid& thread_id, const uuid& task_id) override;

  // -- the batch ----------------------------------------------------------------

  /// A place in it.
  struct place {
    std::int64_t position = 0;
    std::size_t appended = 0;
  };

  void begin();
  [[nodiscard]] place mark() const noexcept { return {position_, appended_.size()}; }
  void go_back(const place& to);
  /// Makes the batch's positions the database's: those behind the first of the two, up to and with the second; 0 and 0
  /// for none.
  std::pair<std::int64_t, std::int64_t> store_position();
  /// Gives away the entries appended since `begin`.
  std::vector<event_record> take() { return std::exchange(appended_, {}); }

private:
  void store(const journal_tail& tail, std::int64_t position, message_record message);

  memory_data& data_;
  std::int64_t position_ = 0;
  std::vector<event_record> appended_;
};

} // namespace troupe
