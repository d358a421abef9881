#pragma once

#include "persistence/postgres/failover/takeover_pause.hpp"
#include "persistence/postgres/row_cache.hpp"
#include "persistence/postgres/tables/claims.hpp"
#include "persistence/postgres/tables/journal.hpp"
#include "persistence/postgres/tables/keys.hpp"
#include "persistence/postgres/tables/queue.hpp"
#include "persistence/postgres/tables/tasks.hpp"

#include <cstdint>
#include <span>
#include <string>

/// A unit of work: tasks, queue, journal and keys as one batch sees them. What the rules
/// read is read from PostgreSQL and kept; what they write stays here, over what was read,
/// until `write` has all of it in one round trip.
namespace troupe {

class pg_unit {
public:
  pg_unit(const uuid& writer, const takeover_pause& pause) : writer_{writer}, claims_{rows_, journal_, pause} {}

  /// The connection may be replaced between batches.
  void use(pg_connection& connection) noexcept;

  /// See `pg_journal`.
  void begin_timeline(std::uint32_t timeline) { journal_.begin_timeline(timeline); }

  // -- the tables -------------------------------------------------------------------

  [[nodiscard]] key_table& keys() noexcept { return keys_; }
  [[nodiscard]] queue_table& queue() noexcept { return queue_; }
  [[nodiscard]] journal_table& journal() noexcept { return journal_; }
  [[nodiscard]] task_table& tasks() noexcept { return tasks_; }

  // -- the batch --------------------------------------------------------------------

  /// Begins a batch: reads ahead what its operations will ask for.
  void begin(std::span<const operation> batch);
  /// True if there is anything to write.
  [[nodiscard]] bool is_dirty() const noexcept;
  /// Appends the statements that write the batch.
  void write(std::string& sql);
  /// Appends the last one, which makes the batch number `number` of this writer. Its
  /// result is the position before the batch's first.
  void write_note(std::string& sql, std::int64_t number, timestamp at);
  /// The batch is on disk, with positions behind `first`.
  void commit(committed& result, std::int64_t first);
  /// Nothing of the batch was written; what it touched is forgotten.
  void roll_back();

private:
  uuid writer_;
  pg_connection* connection_ = nullptr;
  pg_row_cache rows_;
  pg_journal journal_{rows_};
  pg_claims claims_;
  pg_queue queue_{rows_, claims_};
  pg_tasks tasks_{rows_};
  pg_keys keys_;
};

} // namespace troupe
