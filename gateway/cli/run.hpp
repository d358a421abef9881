#pragma once

#include "gateway/cli/client.hpp"

#include <chrono>
#include <optional>
#include <string>

/// `troupe task run`: creates a task, follows its journal to the end across lost
/// connections, and prints the answer. The task is the server's: whatever happens
/// here, it runs on unless it is cancelled.
namespace troupe {

/// How the commands that call a server end.
enum exit_status : int {
  exit_ok = 0,
  /// The task failed, or was deleted meanwhile.
  exit_task_failed = 1,
  /// No server, a refusal, an output that cannot be written.
  exit_trouble = 2,
  /// `--timeout` is over and the task still runs; as timeout(1) has it.
  exit_timed_out = 124,
  /// The task was cancelled; what a shell makes of SIGINT.
  exit_cancelled = 130,
};

struct run_options {
  std::string input;
  // Empty ones are left to the server.
  std::string ns;
  std::string bot;
  std::string name;
  std::string thread;
  std::string created_by;
  /// Print the finished task as JSON instead of the answer.
  bool json = false;
  /// Do not follow: print the task's id (or the task, as JSON).
  bool no_wait = false;
  /// How long to follow.
  std::optional<std::chrono::milliseconds> timeout;
};

/// Runs the command to its end. Throws `call_error`, and std::runtime_error if
/// standard output cannot be written.
exit_status run_task(const api_client& client, const run_options& options);

/// The body of `POST /tasks`.
api_json new_task_body(const run_options& options);

} // namespace troupe
