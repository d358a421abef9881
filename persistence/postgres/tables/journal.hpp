#pragma once

#include "persistence/postgres/connection.hpp"
#include "persistence/postgres/row_cache.hpp"
#include "persistence/rules/tables.hpp"
#include "persistence/store.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Journals and conversations in PostgreSQL, as a batch sees them. Positions count from
/// the batch's first until it is committed, which draws them.
namespace troupe {

class pg_journal final : public journal_table {
public:
  explicit pg_journal(pg_row_cache& rows) : rows_{rows} {}

  void use(pg_connection& connection) noexcept { connection_ = &connection; }

  /// The connection's server is on this timeline. If the database was on another one before, its last moments may be
  /// lost and their positions given again, though somebody has seen them: those of the new one begin far behind.
  void begin_timeline(std::uint32_t timeline);

  using journal_table::append;
  std::int64_t append(journal_tail& tail, event_type type, std::string data) override;
  void add_messages(const journal_tail& tail, const std::vector<message_record>& messages) override;
  void keep_position() override {}
  void add_message(const journal_tail& tail, std::int64_t position, const message_record& message) override;
  void add_plain_message(const journal_tail& tail, std::int64_t position, message_role role,
                         std::string_view content) override;
  bool has_history(const uuid& thread_id, const uuid& task_id) override;
  std::vector<tool_call> open_calls(const uuid& thread_id, const uuid& task_id) override;

  /// This very batch has given the task's thread a message other than its user message.
  [[nodiscard]] bool has_staged_history(const task_record& task) const;

  // -- the batch --------------------------------------------------------------------

  /// How many positions the batch takes.
  [[nodiscard]] std::int64_t positions() const noexcept { return ordinal_; }
  /// Appends what draws the positions, and the rows that have them. To be written last, so that the lock under which
  /// positions are drawn is held for as short as possible.
  void write(std::string& sql);
  /// The batch is on disk, with positions behind `first`.
  void commit(committed& result, std::int64_t first);
  void clear();

private:
  struct staged_message {
    uuid thread_id;
    std::int64_t position = 0;
    message_record message;
  };

  void write_events(std::string& sql);
  void write_messages(std::string& sql);

  pg_row_cache& rows_;
  pg_connection* connection_ = nullptr;
  std::vector<event_record> events_;
  std::vector<staged_message> messages_;
  std::int64_t ordinal_ = 0;
};

} // namespace troupe
