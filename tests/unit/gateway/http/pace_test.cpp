#include "gateway/http/pace.hpp"
#include "gateway/requests/client_memory.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace troupe {
namespace {

constexpr pace_rule rule{.window = 10, .least = 100, .total = 50};

TEST(Pace, IsNotLostBeforeItHasBegunNorOnceItIsOver) {
  pace one;
  EXPECT_FALSE(one.is_lost(1000, 0, rule));
  one.start(1, 0);
  one.stop();
  EXPECT_FALSE(one.is_lost(1000, 0, rule));
}

TEST(Pace, IsLostWithTheFirstWindowThatBringsTooLittle) {
  pace one;
  one.start(5, 1000);
  EXPECT_FALSE(one.is_lost(14, 1000, rule));
  EXPECT_FALSE(one.is_lost(14, 1099, rule));
  EXPECT_TRUE(one.is_lost(15, 1099, rule));
}

TEST(Pace, HasAWholeWindowAgainAfterEachLeast) {
  pace one;
  one.start(0, 0);
  EXPECT_FALSE(one.is_lost(9, 100, rule));
  EXPECT_FALSE(one.is_lost(18, 199, rule));
  EXPECT_FALSE(one.is_lost(18, 200, rule));
  EXPECT_FALSE(one.is_lost(27, 250, rule));
  EXPECT_TRUE(one.is_lost(28, 299, rule));
}

TEST(Pace, IsLostWhenItsTimeIsUpHoweverMuchCame) {
  pace one;
  one.start(10, 0);
  for (pace::ticks now = 11; now < 60; ++now)
    EXPECT_FALSE(one.is_lost(now, now * 1000ULL, rule)) << now;
  EXPECT_TRUE(one.is_lost(60, 1'000'000, rule));
}

TEST(Pace, TakesNoFallForProgress) {
  pace one;
  one.start(0, 500);
  EXPECT_FALSE(one.is_lost(5, 499, rule));
  EXPECT_TRUE(one.is_lost(10, 499, rule));
}

TEST(ClientMemory, CountsATextUntilTheLastReceiverLetsGo) {
  const auto memory = std::make_shared<client_memory>(0, 1000);
  auto first = memory->share(std::string(600, 'x'));
  auto second = first;
  EXPECT_GE(memory->unread(), 600u);
  EXPECT_FALSE(memory->too_much_unread());
  auto other = memory->share(std::string(600, 'y'));
  EXPECT_TRUE(memory->too_much_unread());
  first.reset();
  EXPECT_GE(memory->unread(), 1200u);
  second.reset();
  other.reset();
  EXPECT_EQ(memory->unread(), 0u);
}

TEST(ClientMemory, OutlivesItsOwnerForATextThatDoes) {
  auto memory = std::make_shared<client_memory>();
  const auto text = memory->share("still here");
  memory.reset();
  EXPECT_EQ(*text, "still here");
}

TEST(ClientMemory, AddsUpWhatConnectionsHold) {
  client_memory memory{1000, 0};
  memory.change_unfinished(0, 700);
  memory.change_unfinished(0, 400);
  EXPECT_TRUE(memory.too_much_unfinished());
  memory.change_unfinished(700, 500);
  EXPECT_EQ(memory.unfinished(), 900u);
  EXPECT_FALSE(memory.too_much_unfinished());
}

TEST(ClientMemory, HasBoundsThatGoWithTheProcess) {
  constexpr std::size_t mebibyte = 1024 * 1024;
  const auto small = client_memory::for_process(1024 * mebibyte, mebibyte);
  small->change_unfinished(0, 32 * mebibyte);
  EXPECT_FALSE(small->too_much_unfinished());
  small->change_unfinished(0, 1);
  EXPECT_TRUE(small->too_much_unfinished());
  // It has to be able to take what it says it takes.
  const auto large_bodies = client_memory::for_process(1024 * mebibyte, 64 * mebibyte);
  large_bodies->change_unfinished(0, 128 * mebibyte);
  EXPECT_FALSE(large_bodies->too_much_unfinished());
  EXPECT_GT(memory_of_process(), 0u);
}

} // namespace
} // namespace troupe
