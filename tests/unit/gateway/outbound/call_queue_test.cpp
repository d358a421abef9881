#include "gateway/outbound/call_queue.hpp"
#include "gateway/outbound/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace troupe {

namespace {

using testing::ElementsAre;
using verdict = call_queue::verdict;

/// Everyone who may begin now.
std::vector<std::uint64_t> all_next(call_queue& queue) {
  std::vector<std::uint64_t> begun;
  while (const auto next = queue.next())
    begun.push_back(*next);
  return begun;
}

TEST(CallQueue, BeginsAtOnceWhileThereIsRoom) {
  call_queue queue{{3, 2, 10, 10}};
  EXPECT_EQ(queue.enter(1, "a:443"), verdict::begins);
  EXPECT_EQ(queue.enter(2, "a:443"), verdict::begins);
  EXPECT_EQ(queue.enter(3, "a:443"), verdict::waits);
  EXPECT_EQ(queue.enter(4, "b:443"), verdict::begins);
  EXPECT_EQ(queue.enter(5, "c:443"), verdict::waits);
  EXPECT_EQ(queue.running(), 3U);
  EXPECT_EQ(queue.waiting(), 2U);
  EXPECT_EQ(queue.next(), std::nullopt);
}

TEST(CallQueue, HasTargetsTakeTurns) {
  call_queue queue{{1, 1, 100, 100}};
  EXPECT_EQ(queue.enter(1, "busy:443"), verdict::begins);
  for (std::uint64_t call = 10; call < 20; ++call)
    EXPECT_EQ(queue.enter(call, "busy:443"), verdict::waits);
  EXPECT_EQ(queue.enter(2, "other:443"), verdict::waits);
  EXPECT_EQ(queue.enter(3, "third:80"), verdict::waits);
  std::vector<std::uint64_t> order;
  for (std::uint64_t running = 1; order.size() < 4;) {
    queue.leave(running);
    const auto begun = all_next(queue);
    ASSERT_EQ(begun.size(), 1U);
    order.push_back(running = begun.front());
  }
  EXPECT_THAT(order, ElementsAre(10, 2, 3, 11));
}

TEST(CallQueue, PassesOverTargetsThatAreFullThemselves) {
  call_queue queue{{10, 2, 100, 100}};
  for (std::uint64_t call = 1; call <= 6; ++call)
    queue.enter(call, "slow:443");
  EXPECT_EQ(queue.enter(7, "quick:443"), verdict::begins);
  queue.leave(7);
  EXPECT_THAT(all_next(queue), ElementsAre());
  queue.leave(1);
  EXPECT_THAT(all_next(queue), ElementsAre(3));
}

TEST(CallQueue, RefusesWhatWouldWaitBehindTooMany) {
  call_queue queue{{1, 1, 3, 2}};
  queue.enter(1, "a");
  EXPECT_EQ(queue.enter(2, "a"), verdict::waits);
  EXPECT_EQ(queue.enter(3, "a"), verdict::waits);
  EXPECT_EQ(queue.enter(4, "a"), verdict::full);
  EXPECT_EQ(queue.enter(5, "b"), verdict::waits);
  EXPECT_EQ(queue.enter(6, "c"), verdict::full);
  queue.leave(5);
  EXPECT_EQ(queue.enter(7, "c"), verdict::waits);
}

TEST(CallQueue, ForgetsWhoeverLeavesBeforeItsTurn) {
  call_queue queue{{1, 1, 10, 10}};
  queue.enter(1, "a");
  queue.enter(2, "b");
  queue.enter(3, "b");
  queue.leave(2);
  queue.leave(2);
  queue.leave(99);
  queue.leave(1);
  EXPECT_THAT(all_next(queue), ElementsAre(3));
  queue.leave(3);
  EXPECT_EQ(queue.running(), 0U);
  EXPECT_EQ(queue.waiting(), 0U);
  EXPECT_EQ(queue.enter(4, "b"), verdict::begins);
}

TEST(CallQueue, WithRoomForNobodyToWaitRefusesAtOnce) {
  call_queue queue{{2, 1, 0, 0}};
  EXPECT_EQ(queue.enter(1, "a"), verdict::begins);
  EXPECT_EQ(queue.enter(2, "a"), verdict::full);
  EXPECT_EQ(queue.enter(3, "b"), verdict::begins);
  EXPECT_EQ(queue.enter(4, "c"), verdict::full);
  queue.leave(1);
  EXPECT_EQ(queue.next(), std::nullopt);
  EXPECT_EQ(queue.enter(5, "a"), verdict::begins);
}

TEST(CallQueue, KeepsItsBoundsAndForgetsNobodyWhateverComes) {
  for (const unsigned seed : {1U, 2U, 3U, 4U, 5U}) {
    std::mt19937 random{seed};
    const call_bounds bounds{7, 3, 20, 8};
    call_queue queue{bounds};
    std::map<std::uint64_t, std::string> running;
    std::map<std::uint64_t, std::string> waiting;
    const auto begin_next = [&] {
      for (const auto call : all_next(queue)) {
        ASSERT_TRUE(waiting.contains(call));
        running.insert(waiting.extract(call));
      }
    };
    const auto leave_one = [&](std::map<std::uint64_t, std::string>& from) {
      if (from.empty())
        return;
      const auto which = std::next(from.begin(), static_cast<std::ptrdiff_t>(random() % from.size()));
      queue.leave(which->first);
      from.erase(which);
      begin_next();
    };
    for (std::uint64_t call = 1; call < 3000; ++call) {
      const auto target = std::to_string(random() % 6);
      const auto said = queue.enter(call, target);
      if (said != verdict::full)
        (said == verdict::begins ? running : waiting)[call] = target;
      begin_next();
      if (random() % 2 == 0)
        leave_one(running);
      if (random() % 9 == 0)
        leave_one(waiting);
      ASSERT_EQ(queue.running(), running.size());
      ASSERT_EQ(queue.waiting(), waiting.size());
      ASSERT_LE(running.size(), bounds.sum);
      std::map<std::string, std::size_t> per_target;
      for (const auto& [number, where] : running)
        ASSERT_LE(++per_target[where], bounds.per_target);
    }
    while (!running.empty())
      leave_one(running);
    EXPECT_TRUE(waiting.empty()) << seed;
  }
}

// -- the bounds of a process ------------------------------------------------------

TEST(OutboundBounds, LeaveModelsByFarTheMost) {
  for (const std::size_t descriptors : {std::size_t{20'000}, std::size_t{65'536}, std::size_t{1'048'576}}) {
    outbound_config config;
    set_bounds(config, descriptors, 0, 128);
    EXPECT_GE(config.models.sum, 10'000U) << descriptors;
    EXPECT_EQ(config.models.per_target, config.models.sum);
    EXPECT_EQ(config.calls.sum, 1024U);
    EXPECT_EQ(config.calls.per_target, 128U);
    EXPECT_LE(config.models.sum + config.calls.sum + config.streams.sum + config.max_idle_sum, descriptors);
  }
}

TEST(OutboundBounds, FitIntoFewDescriptors) {
  for (const std::size_t descriptors : {std::size_t{0}, std::size_t{64}, std::size_t{256}, std::size_t{1024}}) {
    outbound_config config;
    set_bounds(config, descriptors, 0, 128);
    EXPECT_GE(config.models.sum, 8U) << descriptors;
    EXPECT_GE(config.calls.per_target, 4U) << descriptors;
    EXPECT_LE(config.calls.per_target, config.calls.sum);
    if (descriptors >= 64) {
      EXPECT_LE(config.models.sum + config.calls.sum + config.streams.sum + config.max_idle_sum, descriptors);
    }
  }
}

TEST(OutboundBounds, AreWhatTheOperatorSays) {
  outbound_config config;
  set_bounds(config, 1'000'000, 160, 5);
  EXPECT_EQ(config.models.sum + config.calls.sum + config.streams.sum, 160U);
  EXPECT_EQ(config.calls.per_target, 5U);
  EXPECT_EQ(config.streams.per_target, 5U);
}

} // namespace

} // namespace troupe
