#include "actors/timeouts.hpp"
#include "tests/actors/actor_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

/// A supervisor that has to renew its lease, as on a shared database.
class Lease : public actor_fixture {
protected:
  void SetUp() override {
    config_.supervisor.lease_ttl = 3s;
    faults_->befalls = [this](auto batch) {
      for (const auto& op : batch)
        if (const auto* recover = std::get_if<recover_tasks>(&op))
          recoveries_.push_back(*recover);
      return fault::none;
    };
    start_node();
  }

  /// How many operations of that type were committed.
  template <class Op>
  std::size_t count() {
    std::size_t found = 0;
    for (const auto& types : faults_->commits)
      found += static_cast<std::size_t>(std::count(types.begin(), types.end(), operation{Op{}}.index()));
    return found;
  }

  /// The place of the first commit with such an operation.
  template <class Op>
  std::size_t first() {
    const auto found = std::find_if(faults_->commits.begin(), faults_->commits.end(), [](const auto& types) {
      return std::count(types.begin(), types.end(), operation{Op{}}.index()) > 0;
    });
    return static_cast<std::size_t>(found - faults_->commits.begin());
  }

  /// Another process takes this one for dead, and the store gives it the lease.
  void take_over() {
    renew_lease other;
    other.owner = make_uuid();
    other.first = true;
    value_of(ask_writer(other));
  }

  std::vector<recover_tasks> recoveries_;
};

/// A node that runs no tasks.
class GatewaySupervisor : public Lease {
protected:
  void SetUp() override {
    config_.supervisor.claims = false;
    Lease::SetUp();
  }
};

} // namespace

// -- taking and renewing --------------------------------------------------------

TEST_F(Lease, IsTakenBeforeAnythingIsRecoveredOrClaimed) {
  EXPECT_LT(first<renew_lease>(), first<recover_tasks>());
  EXPECT_LT(first<recover_tasks>(), first<claim_tasks>());
  EXPECT_LT(first<claim_tasks>(), faults_->commits.size());
  EXPECT_FALSE(load().lease.is_nil());
}

TEST_F(Lease, IsRenewedAtAThirdOfItsTime) {
  EXPECT_EQ(count<renew_lease>(), 1U);
  advance(999ms);
  EXPECT_EQ(count<renew_lease>(), 1U);
  advance(1ms);
  EXPECT_EQ(count<renew_lease>(), 2U);
  advance(10s);
  EXPECT_EQ(count<renew_lease>(), 12U);
}

TEST_F(Lease, IsAskedForAgainWhenTheStoreIsUnavailableAndNothingIsClaimedWithoutIt) {
  actor_fixture::TearDown();
  faults_->commits.clear();
  faults_->befalls = [](auto batch) { return holds<renew_lease>(batch) ? fault::refused : fault::none; };
  start_node();
  const auto id = execute("hello");
  advance(10s);
  EXPECT_EQ(status(id), task_status::pending);
  EXPECT_EQ(count<claim_tasks>(), 0U);
  EXPECT_TRUE(load().lease.is_nil());
  faults_->befalls = [](auto) { return fault::none; };
  advance(timeouts::settle_again);
  EXPECT_EQ(status(id), task_status::completed);
}

TEST_F(Lease, ARenewalThatFailsInPassingChangesNothing) {
  const auto supervisor = peers()->supervisor;
  const auto id = execute("@delay=10000 hello");
  faults_->befalls = [](auto batch) { return holds<renew_lease>(batch) ? fault::refused : fault::none; };
  advance(9s);
  faults_->befalls = [](auto) { return fault::none; };
  advance(2s);
  EXPECT_EQ(peers()->supervisor, supervisor);
  EXPECT_EQ(outcomes(id), "completed");
}

TEST_F(Lease, WithoutATimeItIsNeverRenewed) {
  actor_fixture::TearDown();
  config_.supervisor.lease_ttl.reset();
  faults_->commits.clear();
  start_node();
  advance(1h);
  EXPECT_EQ(count<renew_lease>(), 1U);
}

// -- losing it --------------------------------------------------------------------

TEST_F(Lease, ItsLossStopsTheTasksAndStartsAnew) {
  const auto supervisor = peers()->supervisor;
  const auto old_lease = load().lease;
  const auto id = execute("@pace=100 @words=1000");
  const auto actors = living_actors();
  advance(500ms);
  take_over();
  advance(1s);
  EXPECT_NE(peers()->supervisor, supervisor);
  EXPECT_NE(load().lease, old_lease);
  // The task runs again under the new lease, once.
  EXPECT_EQ(outcomes(id), "lost running");
  EXPECT_EQ(load().running, 1);
  EXPECT_EQ(living_actors(), actors);
  EXPECT_TRUE(given_up_.empty());
  EXPECT_THAT(config_.measured->render({}, wall_clock()), HasSubstr("troupe_leases_lost_total 1"));
}

TEST_F(Lease, OutputOfTasksThatWereTakenOverIsDropped) {
  const auto id = execute("@delay=500 @fail=1:permanent hello");
  advance(100ms);
  // As another node would: it takes the lease and runs the task itself.
  take_over();
  const auto recovered = ask_writer(recover_tasks{5, wall_clock(), {}});
  const auto claimed = ask_writer(claim_tasks{make_uuid(), "other", 1, wall_clock()});
  EXPECT_EQ(value_of(recovered).requeued, 1);
  EXPECT_EQ(value_of(claimed).tasks.size(), 1U);
  advance(899ms);
  EXPECT_EQ(outcomes(id), "lost running");
  EXPECT_EQ(task(id).node, "other");
}

TEST_F(Lease, AWriteThatIsFencedIsCounted) {
  execute("@pace=100 @words=1000");
  advance(150ms);
  take_over();
  value_of(ask_writer(recover_tasks{5, wall_clock(), {}}));
  advance(100ms);
  EXPECT_THAT(config_.measured->render({}, wall_clock()), HasSubstr("troupe_fenced_writes_total 1"));
}

// -- others' leases -----------------------------------------------------------------

TEST_F(Lease, TasksOfOthersAreRecoveredWhenTheirLeasesHaveRunOut) {
  advance(5s);
  recoveries_.clear();
  faults_->others_expired = true;
  advance(1s);
  EXPECT_EQ(recoveries_.size(), 1U);
  faults_->others_expired = false;
  advance(5s);
  EXPECT_EQ(recoveries_.size(), 1U);
}

TEST_F(Lease, TheStoreIsAskedForASuspectAtOnceAndThreeTimesAgain) {
  recoveries_.clear();
  const auto suspect = make_uuid();
  caf::anon_send(peers()->supervisor, node_suspected{suspect});
  run();
  const auto asked = [&] {
    EXPECT_TRUE(std::all_of(recoveries_.begin(), recoveries_.end(),
                            [&](const recover_tasks& op) { return op.suspects == std::vector<uuid>{suspect}; }));
    return recoveries_.size();
  };
  EXPECT_EQ(asked(), 1U);
  advance(100ms);
  EXPECT_EQ(asked(), 2U);
  advance(199ms);
  EXPECT_EQ(asked(), 2U);
  advance(1ms);
  EXPECT_EQ(asked(), 3U);
  advance(700ms);
  EXPECT_EQ(asked(), 4U);
  advance(1min);
  EXPECT_EQ(asked(), 4U);
  // Later recoveries do not blame it again.
  recoveries_.clear();
  faults_->others_expired = true;
  advance(1s);
  ASSERT_FALSE(recoveries_.empty());
  EXPECT_TRUE(recoveries_.front().suspects.empty());
}

TEST_F(Lease, ASuspectIsNamedOnceHoweverManySayIt) {
  recoveries_.clear();
  const auto suspect = make_uuid();
  for (int i = 0; i < 3; ++i)
    caf::anon_send(peers()->supervisor, node_suspected{suspect});
  run();
  EXPECT_EQ(recoveries_.size(), 1U);
}

TEST_F(Lease, RecoveredTasksAreCounted) {
  execute("@delay=60000 hello");
  kill(peers()->supervisor);
  EXPECT_THAT(config_.measured->render({}, wall_clock()), HasSubstr("troupe_recoveries_total 1"));
}

// -- the end ------------------------------------------------------------------------

TEST_F(Lease, IsGivenUpAfterTheTasksWereHandedBack) {
  const auto id = execute("@delay=60000 hello");
  const auto answered = ask<drained>(peers()->supervisor, drain{5s});
  advance(4999ms);
  EXPECT_EQ(count<end_lease>(), 0U);
  advance(1ms);
  EXPECT_EQ(value_of(answered).released, 1);
  EXPECT_LT(first<release_tasks>(), first<end_lease>());
  EXPECT_EQ(count<end_lease>(), 1U);
  EXPECT_TRUE(load().lease.is_nil());
  EXPECT_EQ(outcomes(id), "released");
  const auto renewals = count<renew_lease>();
  advance(1min);
  EXPECT_EQ(count<renew_lease>(), renewals);
}

TEST_F(Lease, ItsLossDuringADrainAnswersTheDrain) {
  execute("@delay=60000 hello");
  const auto answered = ask<drained>(peers()->supervisor, drain{30s});
  run();
  take_over();
  advance(1s);
  EXPECT_TRUE(answered->error);
}

// -- a node that runs no tasks --------------------------------------------------------

TEST_F(GatewaySupervisor, TakesNoLeaseAndClaimsNothing) {
  const auto id = execute("hello");
  advance(1min);
  EXPECT_EQ(status(id), task_status::pending);
  EXPECT_EQ(count<renew_lease>() + count<claim_tasks>() + count<recover_tasks>(), 0U);
  EXPECT_EQ(load().capacity, 0);
  EXPECT_TRUE(load().lease.is_nil());
}

TEST_F(GatewaySupervisor, EndsTasksAndAnswersForTurns) {
  const auto id = execute("hello");
  EXPECT_EQ(value_of(ask_supervisor(make_cancel(id))).task.status, task_status::cancelled);
  start_turn turn;
  turn.thread_of = id;
  turn.input = "again";
  const auto next = value_of(ask<task_result>(peers()->supervisor, turn)).task;
  EXPECT_EQ(next.thread_id, id);
  set_task_status by_hand;
  by_hand.id = next.id;
  by_hand.status = task_status::failed;
  by_hand.at = wall_clock();
  EXPECT_EQ(value_of(ask_supervisor(by_hand)).task.status, task_status::failed);
  value_of(ask_supervisor(delete_task{id, wall_clock()}));
}

TEST_F(GatewaySupervisor, DrainsAtOnceAndHasNoLeaseToEnd) {
  EXPECT_EQ(value_of(ask<drained>(peers()->supervisor, drain{10s})).released, 0);
  EXPECT_EQ(count<end_lease>(), 0U);
}

} // namespace troupe
