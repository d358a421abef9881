#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// What must hold at the end of a run, whatever was done to the cluster: pure functions
/// over answers of the API. Each rule that is broken is a sentence.
namespace troupe {

using json = nlohmann::json;

bool is_terminal_status(const std::string& status);
bool is_terminal_event(const json& frame);

/// What is kept of an event that a subscriber was told: enough to find holes, repeats, and differences.
struct seen_event {
  std::int64_t seq = 0;
  int attempt = 0;
  bool ends_run = false;
  /// Of its type and data.
  std::size_t digest = 0;

  bool operator==(const seen_event&) const = default;
};

seen_event summary_of(const json& frame);

/// All that the API says of one task.
struct task_evidence {
  json task;
  std::vector<json> journal;
  std::vector<json> messages;
  /// May be left empty for a task that needed no second attempt.
  std::vector<json> attempts;
};

/// Every rule that an ended task breaks which was run once: its journal is numbered 1, 2,
/// 3…, ends once and as its status says, holds no entry of an attempt that another one had
/// followed; its thread holds one user message, one answer if and only if it is COMPLETED,
/// and a result for each tool call; its attempts are numbered 1, 2, 3… and have ended.
std::vector<std::string> flaws_of(const task_evidence& evidence);

/// Every way in which what a subscriber saw of a task differs from its journal.
std::vector<std::string> flaws_of_view(const std::vector<seen_event>& seen, const std::vector<json>& journal);
std::vector<std::string> flaws_of_view(const std::vector<seen_event>& seen, const std::vector<seen_event>& journal);

/// The same after the database has gone back in time: what vanished may have been seen, and what took its place was
/// seen behind it, in order. `whole`: nothing of the journal may be missing.
std::vector<std::string> flaws_of_view_past_loss(const std::vector<seen_event>& seen, const std::vector<json>& journal,
                                                 bool whole);

/// An attempt that ended with its node, and was followed by another.
struct recovery {
  int attempt = 0;
  /// Lost with its node; otherwise handed back by a draining one.
  bool lost = false;
  /// From its last journal entry to the first of the next attempt.
  std::chrono::milliseconds pause{};
};

std::vector<recovery> recoveries_of(const task_evidence& evidence);

/// How long one attempt of an input of the built-in model takes by itself, at most.
std::chrono::milliseconds run_time_of(const std::string& input);

} // namespace troupe
