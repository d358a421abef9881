#include "postgres_fixture.hpp"

#include <gmock/gmock.h>

/// A database that has gone back to an earlier state: a standby was promoted that did not have the last commits, or a
/// backup was restored. What that does to rows is done here by SQL.
namespace troupe {
namespace {

class PostgresLoss : public postgres_fixture {
protected:
  /// A node that runs one task.
  std::unique_ptr<node> join_and_claim() {
    auto joined = join();
    joined->take_lease(60s);
    execute();
    claimed_ = joined->claim().at(0);
    return joined;
  }

  [[nodiscard]] complete_task completion_by(const node& one) const {
    auto op = make_completion(claimed_);
    op.fence = one.fence_of(claimed_);
    return op;
  }

  static errc refusal(const outcome& answer) {
    const auto* error = std::get_if<store_error>(&answer);
    EXPECT_NE(error, nullptr) << "it was taken";
    return error ? error->code : errc::unavailable;
  }

  claimed_task claimed_;
};

// Seen with Patroni 3.0.2 and asynchronous replication: tasks stood as RUNNING for ever, whose end was lost.
TEST_P(PostgresLoss, AWriterWhoseCommitsAreGoneGivesItsLeaseUp) {
  const auto forgotten = join_and_claim();
  const auto other = join();
  other->take_lease(60s);
  sql("DELETE FROM batches");
  cut_all();
  EXPECT_EQ(refusal(forgotten->apply(renew_lease{forgotten->owner, forgotten->id, "node", 60s, false})), errc::fenced);
  EXPECT_EQ(other->must(recover_tasks{5, now(), {}}).requeued, 1);
}

TEST_P(PostgresLoss, AWriterWhoseCommitsAreThereKeepsItsLease) {
  const auto known = join_and_claim();
  cut_all();
  known->must(renew_lease{known->owner, known->id, "node", 60s, false});
  known->must(completion_by(*known));
}

// Not seen, and the same kind: revisions are counted on from where the database has gone back to.
TEST_P(PostgresLoss, WhatAWriterKeepsOfItsTasksGoesWithTheServer) {
  const auto stale = join_and_claim();
  sql("UPDATE queue SET owner = '" + make_uuid().to_string() + "'");
  cut_all();
  // Another question has found the server again.
  stale->must(renew_lease{stale->owner, stale->id, "node", 60s, false});
  EXPECT_EQ(refusal(stale->apply(completion_by(*stale))), errc::fenced);
}

// Seen with Patroni 3.0.2 and asynchronous replication: subscribers missed what was given positions that they had seen.
TEST_P(PostgresLoss, PositionsOfANewTimelineLieBehindAllThatWereEverTold) {
  execute();
  const auto told = value_of<std::int64_t>(reader->last_position());
  const auto other = join();
  sql("UPDATE meta SET value = '0' WHERE name = 'timeline'");
  sql("SELECT setval('positions', 1)");
  cut_all();
  execute();
  other->take_lease();
  EXPECT_EQ(other->claim().size(), 2U);
  const auto begin = value_of<std::int64_t>(reader->last_position());
  EXPECT_GT(begin, told + 1'000'000'000);
  EXPECT_LT(begin, told + 5'000'000'000) << "each node has left positions out";
  // A subscriber does not look through them.
  const auto next = value_of<room_events>(reader->room_events_after({room::kind::ns, {}, "default"}, told, 100));
  EXPECT_FALSE(next.events.empty());
  EXPECT_TRUE(next.at_end);
}

TEST_P(PostgresLoss, PositionsGoOnWhereTheTimelineDoes) {
  execute();
  const auto told = value_of<std::int64_t>(reader->last_position());
  cut_all();
  execute();
  EXPECT_LT(value_of<std::int64_t>(reader->last_position()), told + 100);
}

TROUPE_ON_SHARED_DATABASES(PostgresLoss);

} // namespace
} // namespace troupe
