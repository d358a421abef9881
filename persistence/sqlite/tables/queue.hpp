#pragma once

#include "persistence/rules/tables.hpp"
#include "persistence/sqlite/connection.hpp"
#include "persistence/sqlite/statement.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

/// The queue's table in SQLite.
namespace troupe {

struct sqlite_file;

class sqlite_queue final : public queue_table {
public:
  explicit sqlite_queue(sqlite_file& file);

  queue_state enter(const queue_arrival& arrival) override;
  void leave(const open_task& task) override;
  std::vector<candidate> take_ready(const claim_tasks& op) override;
  std::optional<timestamp> next_due() override;
  void start(const uuid& task_id, const attempt_start& start) override;
  void advance(const uuid& task_id, std::int64_t last_seq, const attempt_progress& progress) override;
  void put_back(const uuid& task_id, const queue_entry& entry, std::int64_t last_seq, std::optional<timestamp> due,
                timestamp at) override;
  void reserve(const uuid& task_id, const budget_amount& reserved) override;
  void note_entries(const uuid& task_id, std::int64_t last_seq, bool due, timestamp at) override;
  void note_history(const uuid& thread_id) override;
  std::pair<std::vector<uuid>, bool> lost(const recover_tasks& op) override;

  /// There is something to claim.
  bool any_ready();

  // -- the batch ----------------------------------------------------------------

  void begin() noexcept { earliest_.reset(); }
  /// The earliest time that a task was queued for since `begin`.
  [[nodiscard]] std::optional<timestamp> earliest_scheduled() const noexcept { return earliest_; }

private:
  sqlite_queue(const sqlite_file& file, sqlite_connection& connection);
  /// Makes ready (or blocked, behind a sibling) what has become due.
  void promote(timestamp at);
  bool has_active_sibling(const uuid& task_id, const uuid& thread_id);
  void set_state(const uuid& task_id, queue_state state);
  void note_due(timestamp due);

  const sqlite_file& file_;
  /// Grows with each arrival. A rollback may leave a gap, which orders as well.
  std::int64_t order_;
  std::optional<timestamp> earliest_;
  sqlite_statement insert_;
  sqlite_statement find_ready_;
  sqlite_statement find_lost_;
  sqlite_statement delete_;
  sqlite_statement find_active_;
  sqlite_statement find_blocked_;
  sqlite_statement set_state_;
  sqlite_statement promote_held_;
  sqlite_statement find_due_;
  sqlite_statement start_;
  sqlite_statement advance_;
  sqlite_statement put_back_;
  sqlite_statement reserve_;
  sqlite_statement note_entries_;
  sqlite_statement note_history_;
  sqlite_statement next_due_;
  sqlite_statement any_ready_;
};

} // namespace troupe
