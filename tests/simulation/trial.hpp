#pragma once

#include "tests/simulation/plan.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// One simulated run of a whole cluster, and what the judge says of it.
namespace troupe {

/// Faults that were mended once, put back: the judge has to find them.
enum class mutation : std::uint8_t {
  none,
  /// A commit is acknowledged though no standby has it, and the failover loses it.
  acknowledged_without_standby,
  /// Nodes take each other for dead since they cannot see each other's sessions.
  blind_to_sessions,
  /// Every node goes by its own clock, and some are wrong.
  own_clocks,
  /// A failover that takes longer than a lease lets all leases run out.
  no_grace,
  /// Whatever an attempt writes is taken, though another one has followed it.
  no_fence,
  /// A repeated request makes another task.
  no_keys,
  /// A thread runs all of its tasks at once.
  no_thread_order,
};

struct trial_result {
  /// What is wrong, one sentence each, the first twenty; empty is what it should be.
  std::vector<std::string> flaws;
  std::size_t tasks = 0;
  std::size_t completed = 0;
  std::size_t failed = 0;
  std::size_t cancelled = 0;
  std::size_t events = 0;
  std::size_t lost_attempts = 0;
  /// Of simulated time, until nothing was left to do.
  std::chrono::milliseconds length{0};
  std::uint64_t steps = 0;
  /// Equal for equal runs.
  std::uint64_t digest = 0;

  void add(std::string flaw) {
    constexpr std::size_t most = 20;
    if (flaws.size() < most)
      flaws.push_back(std::move(flaw));
  }
};

trial_result run_trial(const plan& p, mutation put_back = mutation::none);

} // namespace troupe
