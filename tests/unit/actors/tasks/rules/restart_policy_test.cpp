#include "actors/tasks/rules/restart_policy.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto steady = 0.5;

restart_policy policy_of(backoff_kind kind, int max_attempts = 1000) {
  restart_policy policy;
  policy.backoff = kind;
  policy.max_attempts = max_attempts;
  return policy;
}

milliseconds delay_after(const restart_policy& policy, int failures, double random = steady) {
  return decide_restart(policy, error_class::transient, {failures - 1, 0}, std::nullopt, random).delay;
}

} // namespace

TEST(RestartPolicy, StopsWhenAllAttemptsHaveFailed) {
  const auto policy = policy_of(backoff_kind::linear, 3);
  EXPECT_TRUE(decide_restart(policy, error_class::transient, {0, 0}, std::nullopt, steady).restart);
  EXPECT_TRUE(decide_restart(policy, error_class::transient, {1, 0}, std::nullopt, steady).restart);
  const auto last = decide_restart(policy, error_class::transient, {2, 0}, std::nullopt, steady);
  EXPECT_FALSE(last.restart);
  EXPECT_TRUE(last.charge);
  EXPECT_EQ(last.delay, 0ms);
}

TEST(RestartPolicy, NeverRestartsWithASingleAttempt) {
  for (const int attempts : {1, 0, -7})
    EXPECT_FALSE(
      decide_restart(policy_of(backoff_kind::fixed, attempts), error_class::transient, {}, std::nullopt, steady)
        .restart);
}

TEST(RestartPolicy, WaitsLongerAfterEachFailureWhenLinear) {
  const auto policy = policy_of(backoff_kind::linear);
  for (int n = 1; n <= 60; ++n)
    EXPECT_EQ(delay_after(policy, n), 1s * n);
  EXPECT_EQ(delay_after(policy, 61), 60s);
}

TEST(RestartPolicy, DoublesTheWaitWhenExponential) {
  const auto policy = policy_of(backoff_kind::exponential);
  EXPECT_EQ(delay_after(policy, 1), 1s);
  EXPECT_EQ(delay_after(policy, 2), 2s);
  EXPECT_EQ(delay_after(policy, 3), 4s);
  EXPECT_EQ(delay_after(policy, 6), 32s);
  EXPECT_EQ(delay_after(policy, 7), 60s);
  EXPECT_EQ(delay_after(policy, 500), 60s);
}

TEST(RestartPolicy, WaitsTheSameEachTimeWhenFixed) {
  for (const int n : {1, 2, 500})
    EXPECT_EQ(delay_after(policy_of(backoff_kind::fixed), n), 1s);
}

TEST(RestartPolicy, CapsADelayLongerThanTheLongest) {
  auto policy = policy_of(backoff_kind::fixed);
  policy.delay = 2h;
  EXPECT_EQ(delay_after(policy, 1), 60s);
}

TEST(RestartPolicy, VariesTheDelayByTheJitterEitherWay) {
  auto policy = policy_of(backoff_kind::fixed);
  policy.jitter = 0.1;
  EXPECT_EQ(delay_after(policy, 1, 0.0), 900ms);
  EXPECT_EQ(delay_after(policy, 1, 0.5), 1000ms);
  EXPECT_NEAR(static_cast<double>(delay_after(policy, 1, 0.999999).count()), 1100, 1);
  policy.jitter = 1;
  EXPECT_EQ(delay_after(policy, 1, 0.0), 0ms);
  policy.jitter = 0;
  EXPECT_EQ(delay_after(policy, 1, 0.0), 1000ms);
}

TEST(RestartPolicy, DoesNotRestartWhatCannotSucceed) {
  const auto permanent = decide_restart({}, error_class::permanent, {}, 1s, steady);
  EXPECT_FALSE(permanent.restart);
  EXPECT_TRUE(permanent.charge);
  const auto cancelled = decide_restart({}, error_class::cancelled, {}, 1s, steady);
  EXPECT_FALSE(cancelled.restart);
  EXPECT_FALSE(cancelled.charge);
}

TEST(RestartPolicy, WaitsAsAThrottlingProviderTellsWithoutACharge) {
  // Also where every attempt is used up.
  const auto decision = decide_restart(policy_of(backoff_kind::linear, 3), error_class::throttled, {2, 7}, 17s, 0.0);
  EXPECT_TRUE(decision.restart);
  EXPECT_EQ(decision.delay, 17s);
  EXPECT_FALSE(decision.charge);
}

TEST(RestartPolicy, WaitsLongerAfterEachThrottlingThatNamesNoTime) {
  for (int n = 1; n <= 100; ++n) {
    const auto decision = decide_restart({}, error_class::throttled, {0, n - 1}, std::nullopt, steady);
    EXPECT_TRUE(decision.restart);
    EXPECT_EQ(decision.delay, 1s * n);
    EXPECT_FALSE(decision.charge);
  }
}

TEST(RestartPolicy, BoundsTheWaitThatThrottlingAsksFor) {
  EXPECT_EQ(decide_restart({}, error_class::throttled, {}, 11min, 0.99).delay, 10min);
  EXPECT_EQ(decide_restart({}, error_class::throttled, {}, milliseconds::max(), 0.99).delay, 10min);
  EXPECT_EQ(decide_restart({}, error_class::throttled, {}, -5s, 0.99).delay, 0ms);
  restart_policy slow;
  slow.delay = 1h;
  EXPECT_EQ(decide_restart(slow, error_class::throttled, {}, std::nullopt, 0.99).delay, 10min);
}

TEST(RestartPolicy, ChargesThrottlingPastItsBound) {
  const auto policy = policy_of(backoff_kind::linear, 3);
  EXPECT_FALSE(decide_restart(policy, error_class::throttled, {0, 99}, 9s, steady).charge);
  const auto past = decide_restart(policy, error_class::throttled, {0, 100}, 9s, steady);
  EXPECT_TRUE(past.restart);
  EXPECT_TRUE(past.charge);
  EXPECT_EQ(past.delay, 1s);
  EXPECT_FALSE(decide_restart(policy, error_class::throttled, {2, 100}, 9s, steady).restart);
}

TEST(RestartPolicy, TriesAgainWhatIsThrottledTooOftenAsLongAsAttemptsAreLeft) {
  const auto policy = policy_of(backoff_kind::linear, 3);
  EXPECT_TRUE(may_retry(policy, error_class::throttled, {2, max_throttled_waits - 1})) << "no attempt is charged";
  EXPECT_TRUE(may_retry(policy, error_class::throttled, {1, max_throttled_waits})) << "the second of three is charged";
  EXPECT_FALSE(may_retry(policy, error_class::throttled, {2, max_throttled_waits})) << "and so is the third";
  EXPECT_FALSE(may_retry(policy, error_class::throttled, {2, max_throttled_waits + 1}));
}

TEST(RestartPolicy, TriesNothingAgainThatCannotSucceed) {
  for (const auto kind : {error_class::permanent, error_class::budget_exceeded, error_class::cancelled})
    EXPECT_FALSE(may_retry(policy_of(backoff_kind::linear), kind, {})) << to_string(kind);
}

TEST(RestartPolicy, DecidesAsItSaysThatItMay) {
  std::mt19937 engine(3);
  for (int round = 0; round < 20000; ++round) {
    const auto policy = policy_of(backoff_kind::fixed, static_cast<int>(engine() % 6));
    const failure_counts before{static_cast<int>(engine() % 6), 97 + static_cast<int>(engine() % 6)};
    for (const auto kind : {error_class::transient, error_class::throttled, error_class::permanent,
                            error_class::cancelled, error_class::budget_exceeded})
      ASSERT_EQ(may_retry(policy, kind, before), decide_restart(policy, kind, before, std::nullopt, 0.5).restart)
        << to_string(kind) << ", " << before.charged << " charged, " << before.throttled << " throttled";
  }
}

TEST(RestartPolicy, EndsEveryRunHoweverFailuresMix) {
  std::mt19937 engine(1);
  for (int round = 0; round < 200; ++round) {
    const auto policy = policy_of(backoff_kind::exponential, 1 + static_cast<int>(engine() % 20));
    failure_counts counts;
    int attempts = 0;
    for (;;) {
      ++attempts;
      const auto kind = engine() % 2 == 0 ? error_class::transient : error_class::throttled;
      const auto decision = decide_restart(policy, kind, counts, std::nullopt, 0.3);
      ++(decision.charge ? counts.charged : counts.throttled);
      if (!decision.restart)
        break;
      ASSERT_LE(attempts, policy.max_attempts + max_throttled_waits);
    }
    EXPECT_EQ(counts.charged, policy.max_attempts);
    EXPECT_LE(counts.throttled, max_throttled_waits);
  }
}

TEST(RestartPolicy, KeepsEveryDelayWithinItsBounds) {
  std::mt19937_64 engine(2);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (int round = 0; round < 20000; ++round) {
    restart_policy policy;
    policy.max_attempts = std::numeric_limits<int>::max();
    policy.backoff = static_cast<backoff_kind>(engine() % 3);
    policy.delay = milliseconds(static_cast<std::int64_t>(engine() % 1'000'000));
    policy.max_delay = milliseconds(static_cast<std::int64_t>(engine() % 10'000'000));
    policy.jitter = uniform(engine);
    const int n = 1 + static_cast<int>(engine() % 1000);
    const auto plain = delay_after(policy, n);
    const auto varied = delay_after(policy, n, uniform(engine));
    ASSERT_LE(plain, policy.max_delay);
    ASSERT_GE(static_cast<double>(varied.count()), static_cast<double>(plain.count()) * (1 - policy.jitter) - 1);
    ASSERT_LE(static_cast<double>(varied.count()), static_cast<double>(plain.count()) * (1 + policy.jitter) + 1);
    // A later failure never waits less.
    ASSERT_GE(delay_after(policy, n + 1), plain);
  }
}

TEST(RestartPolicy, SurvivesNonsenseWithoutOverflow) {
  constexpr auto int_max = std::numeric_limits<int>::max();
  constexpr auto int_min = std::numeric_limits<int>::min();
  constexpr auto nan = std::numeric_limits<double>::quiet_NaN();
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  for (const auto kind : {error_class::transient, error_class::throttled})
    for (const auto backoff : {backoff_kind::fixed, backoff_kind::linear, backoff_kind::exponential})
      for (const auto delay : {milliseconds::min(), milliseconds(-1), 0ms, 1ms, milliseconds::max()})
        for (const auto max_delay : {milliseconds::min(), 0ms, milliseconds::max()})
          for (const double jitter : {nan, -infinity, -1.0, 0.1, 7.0, infinity})
            for (const double random : {nan, -1.0, 0.0, 0.99, 2.0, infinity})
              for (const int count : {int_min, -1, 0, 70, int_max}) {
                const restart_policy policy{int_max, backoff, delay, max_delay, jitter};
                const auto decision = decide_restart(policy, kind, {count, count}, std::nullopt, random);
                ASSERT_GE(decision.delay, 0ms);
                ASSERT_LE(decision.delay, std::chrono::days(30));
                ASSERT_TRUE(decision.restart || decision.delay == 0ms);
              }
}

} // namespace troupe
