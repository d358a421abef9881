#pragma once

#include "persistence/postgres/connection.hpp"
#include "persistence/postgres/failover/takeover_pause.hpp"
#include "persistence/postgres/row_cache.hpp"
#include "persistence/postgres/tables/journal.hpp"
#include "persistence/postgres/tables/ready_floor.hpp"
#include "persistence/rules/tables.hpp"
#include "persistence/store.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// Who gets what of the queue in PostgreSQL: what has become due, what is promised to this
/// node, what others have lost.
namespace troupe {

class pg_claims {
public:
  pg_claims(pg_row_cache& rows, const pg_journal& journal, const takeover_pause& pause)
    : rows_{rows}, journal_{journal}, pause_{pause} {}

  /// Another server may know less: numbers that were seen may be given again.
  void use(pg_connection& connection) noexcept {
    connection_ = &connection;
    floor_ = {};
  }

  // -- for the queue (tables.hpp) -----------------------------------------------------

  std::vector<candidate> take_ready(const claim_tasks& op);
  std::pair<std::vector<uuid>, bool> lost(const recover_tasks& op);
  /// As far as this writer knows.
  [[nodiscard]] std::optional<timestamp> next_due() const noexcept { return next_due_; }
  /// The batch has scheduled a task.
  void note_due(timestamp due);

  // -- the batch --------------------------------------------------------------------

  /// Makes ready what is due and takes back what nobody was told of, if the batch claims. Changes rows at once, so
  /// nothing may have been read before.
  void begin(std::span<const operation> batch);
  /// Who claims through this writer; one at a time.
  [[nodiscard]] const uuid& owner() const noexcept { return owner_; }
  void commit(committed& result);
  void roll_back();

private:
  /// A candidate that was reserved, and its place among them.
  using placed = std::pair<std::int64_t, candidate>;

  void promote(timestamp at);
  /// Those that need a look at their thread.
  void promote_turns(timestamp at);
  std::optional<timestamp> ask_next_due();

  /// Turns that were promoted a moment ago, which are ready in this batch only.
  void take_promoted(const claim_tasks& op, std::vector<candidate>& out);
  /// What is stored as ready.
  void take_stored(const claim_tasks& op, std::vector<candidate>& out);
  /// What this very batch has brought.
  void take_new(const claim_tasks& op, std::vector<candidate>& out);
  /// Takes a row in that was reserved; null if this batch has other plans with it.
  const pg_row* put_reserved(pg_row stored);
  void take_back_leftovers(const claim_tasks& op);

  std::vector<uuid> find_lost(const recover_tasks& op);
  void revoke_leases(const recover_tasks& op, std::string& sql);

  pg_row_cache& rows_;
  const pg_journal& journal_;
  const takeover_pause& pause_;
  pg_connection* connection_ = nullptr;

  // -- kept from batch to batch
  uuid owner_;
  /// Tasks may be reserved that nobody will be told of.
  bool leftovers_ = false;
  std::optional<timestamp> next_due_;
  bool due_known_ = false;
  std::chrono::steady_clock::time_point promoted_at_{};
  pg_ready_floor floor_;

  // -- of this batch
  /// It has reserved tasks.
  bool reserved_ = false;
  bool left_some_ = false;
  std::optional<timestamp> earliest_;
};

} // namespace troupe
