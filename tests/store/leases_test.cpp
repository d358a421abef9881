#include "tests/store/postgres_fixture.hpp"

#include <gmock/gmock.h>

/// Who may write for a task when several nodes want to: fences and leases.
namespace troupe {
namespace {

using Leases = postgres_fixture;

TROUPE_ON_SHARED_DATABASES(Leases);

TEST_P(Leases, ATaskTakenOverIsBeyondTheReachOfItsFormerNode) {
  const auto frozen = join();
  const auto survivor = join();
  frozen->take_lease(1ms);
  survivor->take_lease();
  const auto id = execute();
  const auto before = frozen->claim().at(0);
  // The server has been up for longer than a lease of a millisecond.
  const auto recovered = survivor->must(recover_tasks{5, now(), {}});
  EXPECT_EQ(recovered.requeued, 1);
  const auto after = survivor->claim().at(0);
  EXPECT_EQ(after.id, id);
  EXPECT_EQ(after.attempt, 2);

  const auto told = journal(id).size();
  append_journal late;
  late.fence = frozen->fence_of(before);
  late.events = {{event_type::chat_chunk, R"({"text":"too late","offset":0})"}};
  late.at = now();
  EXPECT_EQ(refusal(frozen->apply(late)), errc::fenced);
  complete_task end;
  end.fence = frozen->fence_of(before);
  end.output = "too late";
  end.at = now();
  EXPECT_EQ(refusal(frozen->apply(end)), errc::fenced);
  EXPECT_EQ(refusal(frozen->apply(renew_lease{frozen->owner, frozen->id, "node", 10s, false})), errc::fenced);
  EXPECT_EQ(journal(id).size(), told);

  end.fence = survivor->fence_of(after);
  end.output = "in time";
  survivor->must(end);
  EXPECT_EQ(task(id).output, "in time");
  expect_whole_journal(id);
}

TEST_P(Leases, ALeaseThatHoldsProtectsItsTasks) {
  const auto alive = join();
  const auto other = join();
  alive->take_lease();
  other->take_lease();
  execute();
  ASSERT_EQ(alive->claim().size(), 1u);
  EXPECT_EQ(other->must(recover_tasks{5, now(), {alive->owner}}).requeued, 0);
  EXPECT_FALSE(other->must(renew_lease{other->owner, other->id, "node", 10s, false}).others_expired);
}

TEST_P(Leases, AnExpiredLeaseIsToldToWhoeverRenews) {
  const auto dead = join();
  const auto other = join();
  dead->take_lease(1ms);
  other->take_lease();
  EXPECT_TRUE(other->must(renew_lease{other->owner, other->id, "node", 10s, false}).others_expired);
  other->must(recover_tasks{5, now(), {}});
  EXPECT_FALSE(other->must(renew_lease{other->owner, other->id, "node", 10s, false}).others_expired);
}

TEST_P(Leases, ASuspectWhoseSessionIsGoneLosesItsLeaseAtOnce) {
  auto dead = join();
  const auto other = join();
  dead->must(renew_lease{dead->owner, dead->id, "dead", 10s, true});
  other->take_lease();
  const auto id = execute();
  ASSERT_EQ(dead->claim().size(), 1u);
  const auto gone = dead->owner;
  dead.reset();
  int requeued = 0;
  for (int i = 0; i < 100 && requeued == 0; ++i)
    requeued = other->must(recover_tasks{5, now(), {gone}}).requeued;
  EXPECT_EQ(requeued, 1);
  EXPECT_EQ(other->claim().at(0).id, id);
}

TEST_P(Leases, ASuspectMayBeNamedByItsNode) {
  auto dead = join();
  const auto other = join();
  dead->must(renew_lease{dead->owner, dead->id, "dead", 10s, true});
  other->take_lease();
  execute();
  ASSERT_EQ(dead->claim().size(), 1u);
  const auto gone = dead->id;
  dead.reset();
  int requeued = 0;
  for (int i = 0; i < 100 && requeued == 0; ++i)
    requeued = other->must(recover_tasks{5, now(), {gone}}).requeued;
  EXPECT_EQ(requeued, 1);
}

TEST_P(Leases, ANodeThatComesBackUnderItsNameEndsItsFormerLease) {
  auto first = join();
  first->must(renew_lease{first->owner, first->id, "phoenix", 10s, true});
  execute();
  ASSERT_EQ(first->claim().size(), 1u);
  first.reset();
  const auto again = join();
  int requeued = 0;
  for (int i = 0; i < 100 && requeued == 0; ++i) {
    again->must(renew_lease{again->owner, again->id, "phoenix", 10s, true});
    requeued = again->must(recover_tasks{5, now(), {}}).requeued;
  }
  EXPECT_EQ(requeued, 1);
}

TEST_P(Leases, ALeaseGivenUpLeavesItsTasksToOthersAtOnce) {
  const auto leaving = join();
  const auto other = join();
  leaving->take_lease();
  other->take_lease();
  execute();
  ASSERT_EQ(leaving->claim().size(), 1u);
  leaving->must(end_lease{leaving->owner});
  EXPECT_EQ(other->must(recover_tasks{5, now(), {}}).requeued, 1);
}

} // namespace
} // namespace troupe
