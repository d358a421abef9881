#include "actors/models/rate_limiter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using clock_time = rate_limiter::clock_time;
using outcome = rate_limiter::outcome;

constexpr clock_time start{std::chrono::hours{1000}};

rate_limiter with_requests(std::int64_t per_minute, int shares = 1) {
  return rate_limiter{{.concurrency = {}, .requests_per_minute = per_minute, .tokens_per_minute = {}}, shares};
}

rate_limiter with_tokens(std::int64_t per_minute, int shares = 1) {
  return rate_limiter{{.concurrency = {}, .requests_per_minute = {}, .tokens_per_minute = per_minute}, shares};
}

rate_limiter with_concurrency(int calls, int shares = 1) {
  return rate_limiter{{.concurrency = calls, .requests_per_minute = {}, .tokens_per_minute = {}}, shares};
}

/// How many calls are let through at once.
int take_all(rate_limiter& limiter, clock_time now, std::int64_t tokens = 0) {
  int taken = 0;
  while (taken < 10'000 && limiter.take(tokens, now))
    ++taken;
  return taken;
}

void settle_all(rate_limiter& limiter, int calls, outcome how, clock_time now) {
  for (int i = 0; i < calls; ++i)
    limiter.settle(0, 0, how, now);
}

} // namespace

// -- limits -------------------------------------------------------------------

TEST(RateLimiter, LetsEverythingThroughWithoutLimits) {
  rate_limiter limiter{{}};
  EXPECT_EQ(take_all(limiter, start, 1'000'000), 10'000);
  EXPECT_EQ(limiter.active(), 10'000);
  EXPECT_EQ(limiter.next_chance(1, start), start);
  EXPECT_EQ(limiter.requests_left(start), std::nullopt);
  EXPECT_EQ(limiter.tokens_left(start), std::nullopt);
}

TEST(RateLimiter, BoundsCallsAtOnce) {
  auto limiter = with_concurrency(3);
  EXPECT_EQ(take_all(limiter, start), 3);
  EXPECT_EQ(limiter.next_chance(0, start), std::nullopt);
  limiter.settle(0, 0, outcome::failed, start);
  EXPECT_EQ(limiter.next_chance(0, start), start);
  EXPECT_EQ(take_all(limiter, start), 1);
}

TEST(RateLimiter, StartsWithATenthOfAMinute) {
  auto limiter = with_requests(600);
  EXPECT_EQ(limiter.requests_left(start), 60);
  EXPECT_EQ(take_all(limiter, start), 60);
  auto tokens = with_tokens(5000);
  EXPECT_EQ(tokens.tokens_left(start), 500);
  EXPECT_FALSE(tokens.take(501, start));
  EXPECT_TRUE(tokens.take(500, start));
}

TEST(RateLimiter, StartsWithOneRequestAtLeast) {
  auto limiter = with_requests(3);
  EXPECT_EQ(take_all(limiter, start), 1);
  EXPECT_EQ(limiter.next_chance(0, start), start + 20s);
}

TEST(RateLimiter, RefillsExactly) {
  auto limiter = with_requests(60);
  EXPECT_EQ(take_all(limiter, start), 6);
  EXPECT_FALSE(limiter.take(0, start + 999'999us));
  EXPECT_EQ(limiter.next_chance(0, start + 400ms), start + 1s);
  EXPECT_TRUE(limiter.take(0, start + 1s));
  EXPECT_FALSE(limiter.take(0, start + 1s));
}

TEST(RateLimiter, LosesNothingWhenAskedOften) {
  auto limiter = with_requests(7);
  ASSERT_TRUE(limiter.take(0, start));
  // A minute in steps that are no whole number of anything.
  int taken = 0;
  const auto end = start + 60s;
  for (auto now = start; now < end; now += 333'337ns)
    taken += limiter.take(0, now) ? 1 : 0;
  EXPECT_EQ(taken, 6);
  EXPECT_TRUE(limiter.take(0, end));
}

TEST(RateLimiter, HoldsNoMoreThanAMinute) {
  auto limiter = with_requests(60);
  EXPECT_EQ(take_all(limiter, start), 6);
  EXPECT_EQ(limiter.requests_left(start + 24h), 60);
  EXPECT_EQ(take_all(limiter, start + 24h), 60);
}

TEST(RateLimiter, AsksForBothRequestsAndTokens) {
  rate_limiter limiter{{.concurrency = {}, .requests_per_minute = 60, .tokens_per_minute = 6000}};
  EXPECT_TRUE(limiter.take(600, start));
  EXPECT_EQ(limiter.requests_left(start), 5);
  EXPECT_FALSE(limiter.take(50, start));
  EXPECT_EQ(limiter.requests_left(start), 5);
  EXPECT_EQ(limiter.next_chance(50, start), start + 500ms);
  EXPECT_TRUE(limiter.take(50, start + 500ms));
}

TEST(RateLimiter, LetsACallThroughThatIsLargerThanAFullBucket) {
  auto limiter = with_tokens(600);
  EXPECT_FALSE(limiter.take(1500, start));
  const auto full = start + 54s;
  EXPECT_EQ(limiter.next_chance(1500, start), full);
  EXPECT_FALSE(limiter.take(1500, full - 1us));
  EXPECT_TRUE(limiter.take(1500, full));
  EXPECT_EQ(limiter.tokens_left(full), -900);
  EXPECT_EQ(limiter.next_chance(0, full), full + 90s);
}

TEST(RateLimiter, CanBeAskedAgainAtTheTimeItNamed) {
  std::mt19937_64 engine{7};
  const auto below = [&](std::int64_t n) { return static_cast<std::int64_t>(engine() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 300; ++round) {
    rate_limiter limiter{
      {.concurrency = {}, .requests_per_minute = 1 + below(1000), .tokens_per_minute = 1 + below(100'000)},
      static_cast<int>(1 + below(7))};
    auto now = start;
    for (int call = 0; call < 20; ++call) {
      const auto tokens = below(20'000);
      if (!limiter.take(tokens, now)) {
        const auto next = limiter.next_chance(tokens, now);
        ASSERT_TRUE(next);
        ASSERT_GT(*next, now);
        ASSERT_FALSE(limiter.take(tokens, *next - 1us));
        ASSERT_TRUE(limiter.take(tokens, *next));
        now = *next;
      }
      now += std::chrono::nanoseconds{below(1'000'000'000)};
      limiter.settle(tokens, below(20'000), outcome::succeeded, now);
    }
  }
}

// -- settling -----------------------------------------------------------------

TEST(RateLimiter, GivesBackWhatWasNotUsed) {
  auto limiter = with_tokens(6000);
  ASSERT_TRUE(limiter.take(600, start));
  limiter.settle(600, 100, outcome::succeeded, start);
  EXPECT_EQ(limiter.tokens_left(start), 500);
  EXPECT_EQ(limiter.active(), 0);
}

TEST(RateLimiter, NeverGivesBackMoreThanItCanHold) {
  auto limiter = with_tokens(6000);
  ASSERT_TRUE(limiter.take(600, start));
  limiter.settle(600, 0, outcome::succeeded, start + 1h);
  EXPECT_EQ(limiter.tokens_left(start + 1h), 6000);
}

TEST(RateLimiter, DelaysLaterCallsForWhatWasUsedBeyondTheEstimate) {
  auto limiter = with_tokens(6000);
  ASSERT_TRUE(limiter.take(100, start));
  limiter.settle(100, 900, outcome::succeeded, start);
  EXPECT_EQ(limiter.tokens_left(start), -300);
  EXPECT_EQ(limiter.next_chance(0, start), start + 3s);
  EXPECT_EQ(limiter.next_chance(100, start), start + 4s);
}

TEST(RateLimiter, BelievesNoUseThatWouldCloseItForGood) {
  auto limiter = with_tokens(6000);
  for (int i = 0; i < 3; ++i)
    limiter.settle(0, std::numeric_limits<std::int64_t>::max(), outcome::succeeded, start);
  EXPECT_LE(limiter.next_chance(0, start), start + 60min);
}

// -- shares -------------------------------------------------------------------

TEST(RateLimiter, SharesItsLimitsEvenly) {
  auto limiter = with_requests(240, 4);
  EXPECT_EQ(take_all(limiter, start), 6);
  EXPECT_EQ(limiter.next_chance(0, start), start + 1s);
  EXPECT_EQ(take_all(limiter, start + 1h), 60);
  auto calls = with_concurrency(10, 4);
  EXPECT_EQ(take_all(calls, start), 2);
}

TEST(RateLimiter, LeavesEachNodeOneCall) {
  auto calls = with_concurrency(2, 5);
  EXPECT_EQ(take_all(calls, start), 1);
  auto requests = with_requests(2, 5);
  EXPECT_EQ(take_all(requests, start), 1);
  // Two a minute for five nodes: one of each node's in 150 seconds.
  EXPECT_EQ(requests.next_chance(0, start), start + 150s);
  EXPECT_EQ(take_all(requests, start + 1h), 1);
}

TEST(RateLimiter, DividesAnewWhenNodesComeAndGo) {
  auto limiter = with_requests(600);
  limiter.set_shares(3);
  EXPECT_EQ(limiter.requests_left(start), 20);
  EXPECT_EQ(take_all(limiter, start), 20);
  EXPECT_EQ(limiter.next_chance(0, start), start + 300ms);
  limiter.set_shares(1);
  EXPECT_EQ(limiter.next_chance(0, start), start + 100ms);
  EXPECT_EQ(take_all(limiter, start + 1h), 600);
  limiter.set_shares(0);
  EXPECT_EQ(take_all(limiter, start + 2h), 600);
}

// -- pauses -------------------------------------------------------------------

TEST(RateLimiter, LetsNobodyThroughDuringAPause) {
  rate_limiter limiter{{}};
  limiter.pause(start + 10s);
  EXPECT_EQ(limiter.paused_until(start), start + 10s);
  EXPECT_FALSE(limiter.take(0, start));
  EXPECT_FALSE(limiter.take(0, start + 10s - 1ns));
  EXPECT_EQ(limiter.next_chance(0, start), start + 10s);
  EXPECT_EQ(limiter.paused_until(start + 10s), std::nullopt);
  EXPECT_TRUE(limiter.take(0, start + 10s));
}

TEST(RateLimiter, IgnoresAShorterPause) {
  rate_limiter limiter{{}};
  limiter.pause(start + 10s);
  limiter.pause(start + 5s);
  EXPECT_EQ(limiter.paused_until(start), start + 10s);
  limiter.pause(start + 15s);
  EXPECT_EQ(limiter.paused_until(start), start + 15s);
}

TEST(RateLimiter, WaitsForThePauseAndForTheBuckets) {
  auto limiter = with_requests(60);
  EXPECT_EQ(take_all(limiter, start), 6);
  settle_all(limiter, 6, outcome::failed, start);
  limiter.pause(start + 500ms);
  EXPECT_EQ(limiter.next_chance(0, start), start + 1s);
}

TEST(RateLimiter, StartsSlowlyAfterAPause) {
  rate_limiter limiter{{}};
  limiter.pause(start + 10s);
  const auto now = start + 10s;
  for (const int bound : {1, 2, 4, 8, 16, 32, 64}) {
    EXPECT_EQ(take_all(limiter, now), bound);
    EXPECT_EQ(limiter.next_chance(0, now), std::nullopt);
    settle_all(limiter, bound - 1, outcome::failed, now);
    limiter.settle(0, 0, outcome::succeeded, now);
  }
  EXPECT_EQ(take_all(limiter, now), 10'000);
}

TEST(RateLimiter, GoesBackToOneWhenThrottled) {
  rate_limiter limiter{{}};
  limiter.pause(start);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(limiter.take(0, start));
    limiter.settle(0, 0, outcome::succeeded, start);
  }
  EXPECT_EQ(take_all(limiter, start), 8);
  settle_all(limiter, 8, outcome::throttled, start);
  EXPECT_EQ(take_all(limiter, start), 1);
}

TEST(RateLimiter, LearnsNothingFromCallsThatEndDuringThePause) {
  rate_limiter limiter{{}};
  EXPECT_EQ(take_all(limiter, start), 10'000);
  limiter.pause(start + 10s);
  settle_all(limiter, 10'000, outcome::succeeded, start + 5s);
  EXPECT_EQ(take_all(limiter, start + 10s), 1);
}

TEST(RateLimiter, CountsCallsFromBeforeThePause) {
  rate_limiter limiter{{}};
  ASSERT_TRUE(limiter.take(0, start));
  limiter.pause(start + 10s);
  EXPECT_FALSE(limiter.take(0, start + 10s));
  EXPECT_EQ(limiter.next_chance(0, start + 10s), std::nullopt);
  limiter.settle(0, 0, outcome::failed, start + 11s);
  EXPECT_TRUE(limiter.take(0, start + 11s));
}

TEST(RateLimiter, SurvivesNonsenseWithoutOverflow) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  for (const auto limit : {least, std::int64_t{0}, std::int64_t{1}, std::int64_t{1'000'000'000}, most})
    for (const int shares : {std::numeric_limits<int>::min(), 0, 1, 3, std::numeric_limits<int>::max()}) {
      rate_limiter limiter{{.concurrency = -1, .requests_per_minute = limit, .tokens_per_minute = limit}, shares};
      for (const auto tokens : {least, std::int64_t{-1}, std::int64_t{0}, most}) {
        for (const auto now : {start, start - 1h, start + std::chrono::hours{100'000}}) {
          limiter.take(tokens, now);
          limiter.settle(tokens, -tokens - 1, outcome::succeeded, now);
          limiter.settle(-tokens - 1, tokens, outcome::failed, now);
          ASSERT_EQ(limiter.active(), 0);
          ASSERT_GE(limiter.next_chance(tokens, now), now);
          ASSERT_LE(limiter.requests_left(now), std::max<std::int64_t>(1, limit));
        }
      }
    }
}

} // namespace troupe
