#include "persistence/rules/thread_order.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <vector>

namespace troupe {

namespace {

using namespace std::chrono_literals;

constexpr timestamp noon{12h};

constexpr std::array every_state{queue_state::ready, queue_state::running, queue_state::blocked, queue_state::scheduled,
                                 queue_state::reserved};

/// A stand-in for a thread that must not be looked at.
bool unasked() {
  ADD_FAILURE() << "the thread was looked at";
  return true;
}

thread_member member(queue_state state, bool held = false) {
  return {make_uuid(), state, held};
}

} // namespace

TEST(ThreadOrder, ATaskThatHoldsItsThreadIsActiveWhateverItWaitsFor) {
  for (const auto state : every_state)
    EXPECT_TRUE(is_active(state, true));
}

TEST(ThreadOrder, ATaskThatWaitsForItsTurnOrItsTimeIsNotActive) {
  EXPECT_FALSE(is_active(queue_state::blocked, false));
  EXPECT_FALSE(is_active(queue_state::scheduled, false));
  EXPECT_TRUE(is_active(queue_state::ready, false));
  EXPECT_TRUE(is_active(queue_state::running, false));
  EXPECT_TRUE(is_active(queue_state::reserved, false));
}

TEST(ThreadOrder, AThreadIsBusyWithAnActiveTaskOtherThanTheOneThatAsks) {
  const std::vector members{member(queue_state::blocked), member(queue_state::running, true)};
  EXPECT_TRUE(is_busy(members, members[0].task_id));
  EXPECT_FALSE(is_busy(members, members[1].task_id));
  EXPECT_FALSE(is_busy({}, make_uuid()));
}

TEST(ThreadOrder, AThreadOfTasksThatOnlyWaitIsNotBusy) {
  EXPECT_FALSE(is_busy(std::vector{member(queue_state::scheduled), member(queue_state::blocked)}, make_uuid()));
}

TEST(ThreadOrder, ARetryThatWaitsForItsTimeKeepsItsThreadBusy) {
  EXPECT_TRUE(is_busy(std::vector{member(queue_state::scheduled, true)}, make_uuid()));
}

TEST(ThreadOrder, TheBlockedTaskThatWasQueuedFirstIsNext) {
  const std::vector members{member(queue_state::scheduled), member(queue_state::blocked), member(queue_state::blocked)};
  EXPECT_EQ(next_in_turn(members), members[1].task_id);
}

TEST(ThreadOrder, NobodyIsNextWhereNobodyIsBlocked) {
  EXPECT_EQ(next_in_turn({}), std::nullopt);
  EXPECT_EQ(next_in_turn(std::vector{member(queue_state::scheduled), member(queue_state::ready)}), std::nullopt);
}

TEST(ThreadOrder, ATaskOfALaterTimeIsScheduledWithoutALookAtItsThread) {
  EXPECT_EQ(state_on_entry(noon + 1us, noon, unasked), queue_state::scheduled);
}

TEST(ThreadOrder, ATaskOfThisVeryMomentIsDue) {
  EXPECT_EQ(state_on_entry(noon, noon, [] { return false; }), queue_state::ready);
  EXPECT_EQ(state_on_entry(noon - 1us, noon, [] { return true; }), queue_state::blocked);
}

TEST(ThreadOrder, ATaskThatEntersABusyThreadIsBlocked) {
  EXPECT_EQ(state_on_entry(std::nullopt, noon, [] { return true; }), queue_state::blocked);
  EXPECT_EQ(state_on_entry(std::nullopt, noon, [] { return false; }), queue_state::ready);
}

TEST(ThreadOrder, ARetryIsReadyWhenItsTimeComesWithoutALookAtItsThread) {
  EXPECT_EQ(state_when_due(true, unasked), queue_state::ready);
}

TEST(ThreadOrder, AScheduledTaskThatBecomesDueWaitsBehindTheActiveOne) {
  EXPECT_EQ(state_when_due(false, [] { return true; }), queue_state::blocked);
  EXPECT_EQ(state_when_due(false, [] { return false; }), queue_state::ready);
}

TEST(ThreadOrder, ATaskThatGoesOnIsNeverBlocked) {
  EXPECT_EQ(state_on_return(std::nullopt, noon), queue_state::ready);
  EXPECT_EQ(state_on_return(noon, noon), queue_state::ready);
  EXPECT_EQ(state_on_return(noon + 1us, noon), queue_state::scheduled);
}

} // namespace troupe
