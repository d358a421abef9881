#pragma once

#include "persistence/postgres/connection.hpp"
#include "persistence/postgres/row_cache.hpp"
#include "persistence/rules/tables.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Tasks and their attempts in PostgreSQL, as a batch sees them. The tasks' rows lie in
/// the cache, which writes them.
namespace troupe {

class pg_tasks final : public task_table {
public:
  explicit pg_tasks(pg_row_cache& rows) : rows_{rows} {}

  void use(pg_connection& connection) noexcept { connection_ = &connection; }

  void insert(const task_record& task, std::int64_t last_seq) override;
  std::optional<open_task> load(const uuid& id) override;
  std::optional<open_task> load_running(const uuid& id) override;
  std::optional<task_record> read(const uuid& id) override;
  std::optional<std::string> thread_namespace(const uuid& thread_id) override;
  void start(const uuid& id, int attempt, std::string_view node, timestamp at) override;
  void set_queued(const uuid& id, std::string_view bot, std::string_view bot_ns, int max_attempts,
                  std::int64_t last_seq, timestamp at) override;
  void start_by_hand(const open_task& task, std::string_view node, std::int64_t last_seq, timestamp at) override;
  void set_deleted(const uuid& id, std::int64_t last_seq, timestamp at) override;
  void store_usage(const open_task& task, wait_reason waits_for, timestamp at) override;
  void finish(const open_task& task, const journal_tail& tail, const task_end& end) override;
  void put_attempt(const uuid& id, const attempt_record& attempt) override;

  // -- the batch --------------------------------------------------------------------

  [[nodiscard]] bool is_dirty() const noexcept { return !attempts_.empty(); }
  /// Appends the statement that writes the attempts.
  void write(std::string& sql);
  void clear() { attempts_.clear(); }

private:
  struct staged_attempt {
    uuid task_id;
    attempt_record attempt;
  };

  pg_row_cache& rows_;
  pg_connection* connection_ = nullptr;
  std::vector<staged_attempt> attempts_;
};

} // namespace troupe
