#include "actors/models/circuit_breaker.hpp"

#include <gtest/gtest.h>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using state = circuit_breaker::state;

constexpr circuit_breaker::clock_time start{std::chrono::hours{1000}};

/// One that has been opened at `start`.
circuit_breaker opened() {
  circuit_breaker breaker;
  for (int i = 0; i < circuit_breaker::threshold; ++i)
    breaker.failed(start);
  return breaker;
}

} // namespace

TEST(CircuitBreaker, LetsEverythingThroughWhileClosed) {
  circuit_breaker breaker;
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(breaker.allow(start));
  EXPECT_EQ(breaker.current(start), state::closed);
  EXPECT_EQ(breaker.opens_at(start), std::nullopt);
}

TEST(CircuitBreaker, OpensAfterFailuresInARow) {
  circuit_breaker breaker;
  for (int i = 1; i < circuit_breaker::threshold; ++i)
    breaker.failed(start);
  EXPECT_TRUE(breaker.allow(start));
  breaker.failed(start);
  EXPECT_EQ(breaker.current(start), state::open);
  EXPECT_FALSE(breaker.allow(start));
  EXPECT_EQ(breaker.opens_at(start), start + 5s);
}

TEST(CircuitBreaker, CountsAnewAfterASuccess) {
  circuit_breaker breaker;
  for (int round = 0; round < 10; ++round) {
    for (int i = 1; i < circuit_breaker::threshold; ++i)
      breaker.failed(start);
    breaker.succeeded();
  }
  EXPECT_EQ(breaker.current(start), state::closed);
}

TEST(CircuitBreaker, LetsOneCallThroughAtATimeWhenHalfOpen) {
  auto breaker = opened();
  EXPECT_EQ(breaker.current(start + 5s - 1ns), state::open);
  EXPECT_EQ(breaker.current(start + 5s), state::half_open);
  EXPECT_EQ(breaker.opens_at(start + 5s), std::nullopt);
  EXPECT_TRUE(breaker.allow(start + 5s));
  EXPECT_FALSE(breaker.allow(start + 5s));
  EXPECT_FALSE(breaker.allow(start + 1h));
}

TEST(CircuitBreaker, ClosesWhenTheTrialSucceeds) {
  auto breaker = opened();
  ASSERT_TRUE(breaker.allow(start + 5s));
  breaker.succeeded();
  EXPECT_EQ(breaker.current(start + 5s), state::closed);
  // It rests as short, and bears as many failures, as the first time.
  for (int i = 0; i < circuit_breaker::threshold; ++i) {
    EXPECT_TRUE(breaker.allow(start + 6s));
    breaker.failed(start + 6s);
  }
  EXPECT_EQ(breaker.opens_at(start + 6s), start + 11s);
}

TEST(CircuitBreaker, RestsTwiceAsLongAfterEachTrialThatFails) {
  auto breaker = opened();
  auto now = start + 5s;
  for (const auto rest : {10s, 20s, 40s, 60s, 60s}) {
    ASSERT_TRUE(breaker.allow(now));
    breaker.failed(now);
    EXPECT_EQ(breaker.opens_at(now), now + rest);
    now += rest;
  }
}

TEST(CircuitBreaker, TriesAgainWhenATrialWasAbandoned) {
  auto breaker = opened();
  ASSERT_TRUE(breaker.allow(start + 5s));
  breaker.abandoned();
  EXPECT_EQ(breaker.current(start + 5s), state::half_open);
  EXPECT_TRUE(breaker.allow(start + 5s));
}

TEST(CircuitBreaker, IsNotMovedByCallsFromBeforeItOpened) {
  auto breaker = opened();
  breaker.failed(start + 1s);
  breaker.succeeded();
  breaker.abandoned();
  EXPECT_EQ(breaker.opens_at(start + 1s), start + 5s);
  breaker.failed(start + 5s);
  breaker.succeeded();
  EXPECT_EQ(breaker.current(start + 5s), state::half_open);
}

TEST(CircuitBreaker, NamesItsStates) {
  EXPECT_EQ(to_string(state::closed), "closed");
  EXPECT_EQ(to_string(state::open), "open");
  EXPECT_EQ(to_string(state::half_open), "half_open");
}

} // namespace troupe
