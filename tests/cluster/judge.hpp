#pragma once

#include "tests/cluster/cluster.hpp"
#include "tests/cluster/history.hpp"
#include "tests/cluster/watchers.hpp"
#include "tests/judge/judge_rules.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

/// Holds what clients know against what the cluster says at the end, over HTTP, and over
/// SQL where HTTP cannot say.
namespace troupe {

/// What came of a run.
struct verdict {
  /// Everything that is wrong, one sentence each; the first ones with their evidence.
  std::vector<std::string> flaws;

  std::size_t tasks = 0;
  std::size_t completed = 0;
  std::size_t failed = 0;
  std::size_t cancelled = 0;
  std::size_t events = 0;
  /// Acknowledged tasks that went with a primary which did not wait for its standbys.
  std::size_t vanished = 0;
  /// Attempts that ended with their node.
  std::size_t lost_attempts = 0;
  /// Attempts that draining nodes handed back.
  std::size_t released_attempts = 0;
  /// The longest pause behind a lost attempt, without the time that the attempt may
  /// itself have been silent.
  std::chrono::milliseconds longest_pause{};
  /// Connections that subscribers made, and tasks that they followed.
  std::size_t subscriber_connections = 0;
  std::size_t followed_tasks = 0;
};

/// The figures, for a person.
std::string describe(const verdict& v);

/// Waits until nothing is queued and nothing runs any more, then judges every task there
/// is, and what each subscriber saw. The cluster must be whole. `spectators` are ended.
verdict judge(cluster& nodes, const history& record, watchers& spectators);

} // namespace troupe
