#pragma once

#include "persistence/values/time.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>

/// What somebody who watches a task knows of it: the events of its journal, one after
/// the other, folded into a progress line and an end. Pure.
namespace troupe {

/// How a followed task ended.
enum class run_outcome : std::uint8_t { none, completed, failed, cancelled, deleted };

/// What one event brought that is worth showing.
struct progress_step {
  /// Text of the answer, to be shown behind what came before.
  std::string text;
  /// The answer begins anew: another attempt runs.
  bool restarted = false;
  /// A sentence to keep on the screen; empty for none.
  std::string note;
};

class run_progress {
public:
  /// `task` is the document that its creation was answered with.
  run_progress(const nlohmann::ordered_json& task, timestamp started);

  /// Takes the next event frame. Other tasks' events, ones taken before and unknown
  /// types change nothing.
  progress_step take(const nlohmann::ordered_json& frame, timestamp now);

  /// Takes the task itself as it stands at its end, for where the journal does not
  /// tell of it any more. A task that has not ended changes nothing.
  void take_end(const nlohmann::ordered_json& task);

  void connection_lost() noexcept { is_connected_ = false; }
  void connection_back() noexcept { is_connected_ = true; }

  /// The line without its erasing, not cut to any width.
  [[nodiscard]] std::string line(timestamp now) const;

  [[nodiscard]] run_outcome outcome() const noexcept { return outcome_; }
  /// The number of the last event taken.
  [[nodiscard]] std::int64_t seq() const noexcept { return seq_; }
  /// What the running attempt has streamed so far.
  [[nodiscard]] const std::string& streamed() const noexcept { return streamed_; }
  /// The answer, once completed; nothing if it was completed without one.
  [[nodiscard]] const std::optional<std::string>& output() const noexcept { return output_; }
  /// Why it failed, once it has.
  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  /// A sentence about an answer that is not all of it; empty for any other.
  [[nodiscard]] std::string cut() const;
  [[nodiscard]] std::int64_t attempt() const noexcept { return attempt_; }

private:
  progress_step start_attempt();
  progress_step take_chunk(const nlohmann::ordered_json& data);
  progress_step wait_for_retry(const nlohmann::ordered_json& data, timestamp now);
  void count_words(const std::string& text) noexcept;

  std::string task_id_;
  timestamp started_;
  std::string status_;
  /// What it is doing besides writing; empty for nothing special.
  std::string activity_;
  std::int64_t attempt_ = 0;
  std::int64_t max_attempts_ = 0;
  std::int64_t seq_ = 0;
  std::string streamed_;
  std::int64_t words_ = 0;
  bool is_in_word_ = false;
  std::string error_;
  /// Set while it waits for its next attempt.
  std::optional<timestamp> next_attempt_at_;
  bool is_connected_ = true;
  std::optional<std::string> output_;
  std::string finish_reason_;
  run_outcome outcome_ = run_outcome::none;
};

} // namespace troupe
