#include "actors/tasks/rules/restart_policy.hpp"

#include <algorithm>
#include <cstdint>

namespace troupe {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_delay = std::chrono::days(30);

milliseconds within(milliseconds value, milliseconds largest) noexcept {
  return std::clamp(value, milliseconds(0), std::max(largest, milliseconds(0)));
}

/// `delay × factor`, at most `largest`. Both fit into 64 bits times each other only
/// after the comparison.
milliseconds multiply(milliseconds delay, std::int64_t factor, milliseconds largest) noexcept {
  if (delay <= milliseconds(0) || factor <= 0)
    return milliseconds(0);
  if (delay > largest / factor)
    return largest;
  return delay * factor;
}

/// The wait after the n-th charged failure, without jitter.
milliseconds backoff(const restart_policy& policy, std::int64_t n) noexcept {
  const auto largest = within(policy.max_delay, longest_delay);
  switch (policy.backoff) {
  case backoff_kind::fixed: return multiply(policy.delay, 1, largest);
  case backoff_kind::linear: return multiply(policy.delay, n, largest);
  case backoff_kind::exponential:
    return multiply(policy.delay, std::int64_t{1} << std::min<std::int64_t>(n - 1, 62), largest);
  }
  return largest;
}

milliseconds vary(milliseconds delay, double jitter, double random) noexcept {
  // Written so that NaN, too, ends as no jitter.
  const double fraction = jitter > 0 ? std::min(jitter, 1.0) : 0.0;
  const double place = random >= 0 ? std::min(random, 1.0) : 0.5;
  const double varied = static_cast<double>(delay.count()) * (1 + fraction * (2 * place - 1));
  return within(milliseconds(static_cast<milliseconds::rep>(varied)), longest_delay);
}

/// The number of this failure among those of its kind.
std::int64_t next(int before) noexcept {
  return std::int64_t{std::max(before, 0)} + 1;
}

/// What a failure counts as: there is a bound to the patience with throttling.
error_class counted_as(error_class kind, failure_counts before) noexcept {
  const bool is_too_often = before.throttled >= max_throttled_waits;
  return kind == error_class::throttled && is_too_often ? error_class::transient : kind;
}

milliseconds transient_wait(const restart_policy& policy, int charged, double random) noexcept {
  return vary(backoff(policy, next(charged)), policy.jitter, random);
}

milliseconds throttled_wait(const restart_policy& policy, int throttled, std::optional<milliseconds> retry_after,
                            double random) noexcept {
  const auto wait = retry_after
                      ? *retry_after
                      : vary(multiply(policy.delay, next(throttled), max_throttled_delay), policy.jitter, random);
  return within(wait, max_throttled_delay);
}

} // namespace

bool may_retry(const restart_policy& policy, error_class kind, failure_counts before) noexcept {
  switch (counted_as(kind, before)) {
  case error_class::throttled: return true;
  case error_class::transient: return next(before.charged) < policy.max_attempts;
  case error_class::permanent:
  case error_class::budget_exceeded:
  case error_class::cancelled: return false;
  }
  return false;
}

restart_decision decide_restart(const restart_policy& policy, error_class kind, failure_counts before,
                                std::optional<milliseconds> retry_after, double random) noexcept {
  const auto counted = counted_as(kind, before);
  restart_decision decision;
  decision.charge = counted != error_class::throttled && counted != error_class::cancelled;
  decision.restart = may_retry(policy, kind, before);
  if (decision.restart)
    decision.delay = counted == error_class::throttled ? throttled_wait(policy, before.throttled, retry_after, random)
                                                       : transient_wait(policy, before.charged, random);
  return decision;
}

} // namespace troupe
