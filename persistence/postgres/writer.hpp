#pragma once

#include "persistence/postgres/database.hpp"
#include "persistence/postgres/failover/takeover_pause.hpp"
#include "persistence/postgres/tables/approvals.hpp"
#include "persistence/postgres/tables/budgets.hpp"
#include "persistence/postgres/tables/catalog.hpp"
#include "persistence/postgres/tables/nodes.hpp"
#include "persistence/postgres/unit.hpp"
#include "persistence/rules/rules.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

/// The writing side of the PostgreSQL store. A batch runs by the rules (rules.hpp) on
/// a unit of work, which is then written in one round trip. If rows have changed since
/// they were read, it is done again. If the connection is lost, it waits for the
/// server and asks what became of the batch, so that what it says is what happened.
namespace troupe {

class pg_writer final : public store_writer {
public:
  explicit pg_writer(std::shared_ptr<pg_place> place);
  ~pg_writer() override;

  committed apply(std::span<const operation> batch) override;

private:
  /// One transaction, tried until its fate is known; throws `pg_failure` if the
  /// database refuses it, `pg_conflict` if others are always faster.
  committed apply_together(std::span<const operation> batch);
  /// A transaction for each operation.
  committed apply_apart(std::span<const operation> batch);
  /// Runs the batch and writes it.
  committed attempt(std::span<const operation> batch);
  /// Writes what the rules have done. The position before its first; 0 if it has none.
  std::int64_t write();
  void roll_back();

  // -- the connection -----------------------------------------------------------------

  void connect_if_needed();
  /// Waits until there is a server; throws `pg_failure` if the process ends first.
  void reconnect();
  void connect();
  void note_committed() noexcept;
  /// Whether a commit that this writer was told of is not there any more: the database has gone back to an earlier
  /// state.
  [[nodiscard]] bool has_lost_commits();
  /// The database is without commits that somebody was told of. What runs here may stand there otherwise, under the
  /// same attempt: nothing is written under this lease any more.
  void begin_anew();
  /// Waits while the session before this one has a commit that a standby holds up: a further one
  /// would only wait as well, and to end it would show everybody what may yet be lost.
  void await_standby(pg_connection& fresh) const;
  /// The disk is full: waits a little, for room.
  void await_room(const pg_failure& why);
  void give_up_if_told() const;
  /// Where the positions of a batch begin whose answer was lost, if it was committed.
  std::optional<std::int64_t> find_batch(std::int64_t number);

  std::shared_ptr<pg_place> place_;
  uuid id_ = make_uuid();
  std::unique_ptr<pg_connection> connection_;
  /// The last one that there was.
  pg_connection::session session_;
  takeover_pause pause_;
  pg_catalog catalog_;
  pg_unit unit_;
  pg_approvals approvals_;
  pg_usage usage_;
  pg_budgets budgets_;
  pg_nodes nodes_;
  store_rules rules_;
  /// Of the batch that was sent last.
  std::int64_t number_ = 0;
  /// The last one that is known to be committed, and when it was; 0 for none.
  std::int64_t committed_ = 0;
  std::chrono::steady_clock::time_point committed_at_{};
};

/// Connects at its first use.
store_result<std::unique_ptr<store_writer>> make_pg_writer(std::shared_ptr<pg_place> place);

} // namespace troupe
