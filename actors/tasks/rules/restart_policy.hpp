#pragma once

#include "persistence/records.hpp"

#include <chrono>
#include <optional>

/// How a failed attempt is answered. The task supervisor asks here, and so does a task that
/// wonders whether to end for a tool's sake. Not asked: where the store was away, the
/// supervisor tries again (`attempt_failure::store_away`); where the node has ended,
/// persistence/rules/run.cpp does, up to `max_recoveries`. Pure: chance is passed in, and
/// time is left to the caller.
namespace troupe {

struct restart_decision {
  /// False: the task has failed, or was cancelled.
  bool restart = false;
  /// How long to wait before the next attempt; 0 without one. Never more than 30
  /// days, however the policy is set, so that adding it to a time is safe.
  std::chrono::milliseconds delay{0};
  /// Whether this failure counts against the policy's `max_attempts`.
  bool charge = false;
};

/// What has failed before in this run of attempts, without the failure to be
/// answered.
struct failure_counts {
  int charged = 0;
  int throttled = 0;
};

/// Waits that throttling may cost a run; a further one counts as transient.
constexpr int max_throttled_waits = 100;

/// The longest wait that throttling may ask for.
constexpr std::chrono::milliseconds max_throttled_delay = std::chrono::minutes(10);

/// Whether another attempt follows a failure of that class: all of `decide_restart` but
/// how long it waits.
bool may_retry(const restart_policy& policy, error_class kind, failure_counts before) noexcept;

/// Decides what follows a failure.
///
/// - transient: charged. Restarts until `max_attempts` attempts have failed. After
///   the n-th one it waits `delay` (fixed), `delay × n` (linear) or `delay × 2^(n-1)`
///   (exponential), at most `max_delay`, varied by up to the fraction `jitter`.
/// - throttled: not charged. Waits `retry_after` as told, or else `delay × n` varied
///   by the jitter for the n-th such wait, in both cases at most
///   `max_throttled_delay`. After `max_throttled_waits` it is answered as transient.
/// - permanent, cancelled, budget_exceeded: no restart.
///
/// `random` is uniform in [0, 1); 0.5 leaves the delay as it is. Nonsense in the
/// policy (negative delays, attempts below 1, a jitter outside 0 to 1) is taken as
/// the nearest that makes sense.
restart_decision decide_restart(const restart_policy& policy, error_class kind, failure_counts before,
                                std::optional<std::chrono::milliseconds> retry_after, double random) noexcept;

} // namespace troupe
