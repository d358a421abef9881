#pragma once

#include "persistence/postgres/row_cache.hpp"
#include "persistence/postgres/tables/claims.hpp"
#include "persistence/rules/tables.hpp"

#include <optional>
#include <utility>
#include <vector>

/// The queue in PostgreSQL, as a batch sees it: one task's coming, going and running. Its
/// rows lie in the cache, which writes them.
namespace troupe {

class pg_queue final : public queue_table {
public:
  pg_queue(pg_row_cache& rows, pg_claims& claims) : rows_{rows}, claims_{claims} {}

  queue_state enter(const queue_arrival& arrival) override;
  void leave(const open_task& task) override;
  std::vector<candidate> take_ready(const claim_tasks& op) override { return claims_.take_ready(op); }
  std::optional<timestamp> next_due() override { return claims_.next_due(); }
  void start(const uuid& task_id, const attempt_start& start) override;
  void advance(const uuid& task_id, std::int64_t last_seq, const attempt_progress& progress) override;
  void put_back(const uuid& task_id, const queue_entry& entry, std::int64_t last_seq, std::optional<timestamp> due,
                timestamp at) override;
  void reserve(const uuid& task_id, const budget_amount& reserved) override;
  void note_entries(const uuid& task_id, std::int64_t last_seq, bool due, timestamp at) override;
  void note_history(const uuid& thread_id) override;
  std::pair<std::vector<uuid>, bool> lost(const recover_tasks& op) override { return claims_.lost(op); }

private:
  pg_row_cache& rows_;
  pg_claims& claims_;
};

} // namespace troupe
