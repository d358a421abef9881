#pragma once

#include "persistence/store.hpp"
#include "tests/simulation/clients.hpp"
#include "tests/simulation/trial.hpp"
#include "tests/simulation/watch.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// The judge of a simulated run: what clients know and subscribers saw, held against the database.
namespace troupe {

/// What may cost a node the attempts that it runs.
struct excuse_for {
  std::string node;
  timestamp from;
  timestamp to;
};

struct run_evidence {
  const clients& known;
  store_reader& stored;
  const std::vector<std::shared_ptr<watch>>& watches;
  const std::vector<excuse_for>& excuses;
  /// When a subscriber saw a task begin.
  const std::map<uuid, timestamp>& first_seen;
  std::chrono::milliseconds lease;
  /// Of the end.
  timestamp now;
};

/// Counts the tasks in `result`, and adds what is wrong.
void judge_run(const run_evidence& evidence, trial_result& result);

/// Whether a subscriber is told of the task.
bool concerns(const watch& w, const known_task& task);

} // namespace troupe
