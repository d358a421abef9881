#include "gateway/cli/progress.hpp"

#include "gateway/cli/text.hpp"
#include "persistence/records.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

using api_json = nlohmann::ordered_json;

run_progress::run_progress(const api_json& task, timestamp started)
  : task_id_{text_member(task, "id")}, started_{started}, status_{text_member(task, "status")},
    attempt_{integer_member(task, "attempt")}, max_attempts_{integer_member(task, "max_attempts")} {}

// -- events -------------------------------------------------------------------------

progress_step run_progress::take(const api_json& frame, timestamp now) {
  const auto seq = integer_member(frame, "seq");
  if (text_member(frame, "task_id") != task_id_ || seq <= seq_)
    return {};
  seq_ = seq;
  attempt_ = std::max(attempt_, integer_member(frame, "attempt"));
  const auto found = frame.find("data");
  const auto data = found == frame.end() ? api_json::object() : *found;
  if (const auto status = text_member(data, "status"); !status.empty())
    status_ = status;

  const auto type = text_member(frame, "type");
  if (type == "task:started")
    return start_attempt();
  if (type == "chat:chunk")
    return take_chunk(data);
  if (type == "task:retrying")
    return wait_for_retry(data, now);
  if (type == "chat:thinking") {
    activity_ = "thinking";
  } else if (type == "chat:tool_start") {
    activity_ = "calling " + text_member(data, "tool");
  } else if (type == "chat:tool_result") {
    activity_.clear();
  } else if (type == "chat:done") {
    finish_reason_ = text_member(data, "finish_reason");
  } else if (type == "task:completed") {
    if (const auto output = data.find("output"); output != data.end() && output->is_string())
      output_ = output->get<std::string>();
    outcome_ = run_outcome::completed;
  } else if (type == "task:failed") {
    error_ = text_member(data, "error");
    outcome_ = run_outcome::failed;
  } else if (type == "task:cancelled") {
    outcome_ = run_outcome::cancelled;
  } else if (type == "task:deleted") {
    outcome_ = run_outcome::deleted;
  }
  return {};
}

void run_progress::take_end(const api_json& task) {
  const auto status = parse_task_status(text_member(task, "status"));
  if (!status || !is_terminal(*status))
    return;
  status_ = to_string(*status);
  attempt_ = integer_member(task, "attempt");
  error_ = text_member(task, "error");
  finish_reason_ = text_member(task, "finish_reason");
  if (*status == task_status::cancelled)
    outcome_ = run_outcome::cancelled;
  else if (*status == task_status::failed)
    outcome_ = run_outcome::failed;
  else
    outcome_ = run_outcome::completed;
  if (const auto output = task.find("output"); output != task.end() && output->is_string())
    output_ = output->get<std::string>();
}

std::string run_progress::cut() const {
  if (finish_reason_ == "length")
    return "The answer is cut: it reached a limit of tokens, the bot's max_tokens or the model's own.";
  if (finish_reason_ == "content_filter")
    return "The answer is cut: the provider's content filter held the rest back.";
  return {};
}

progress_step run_progress::start_attempt() {
  next_attempt_at_.reset();
  activity_.clear();
  words_ = 0;
  is_in_word_ = false;
  const auto before = std::exchange(streamed_, {});
  return {.text = {}, .restarted = !before.empty(), .note = {}};
}

progress_step run_progress::take_chunk(const api_json& data) {
  activity_.clear();
  auto text = text_member(data, "text");
  streamed_ += text;
  count_words(text);
  return {.text = std::move(text), .restarted = false, .note = {}};
}

progress_step run_progress::wait_for_retry(const api_json& data, timestamp now) {
  error_ = text_member(data, "error");
  next_attempt_at_ = time_member(data, "next_attempt_at").value_or(now);
  progress_step step;
  step.note = "Attempt " + std::to_string(attempt_) + " failed: " + error_;
  if (*next_attempt_at_ > now)
    step.note += " (the next one starts in " + spoken_duration(*next_attempt_at_ - now) + ")";
  return step;
}

void run_progress::count_words(const std::string& text) noexcept {
  for (const char c : text) {
    const bool is_space = c == ' ' || (c >= '\t' && c <= '\r');
    if (!is_space && !is_in_word_)
      ++words_;
    is_in_word_ = !is_space;
  }
}

// -- the line -----------------------------------------------------------------------

std::string run_progress::line(timestamp now) const {
  std::string line = status_;
  if (!is_connected_)
    line = "Connection lost, trying again";
  else if (next_attempt_at_)
    line = *next_attempt_at_ > now ? "RETRYING in " + spoken_duration(*next_attempt_at_ - now) : "RETRYING";
  const auto add = [&line](const std::string& part) { line += " · " + part; };
  if (attempt_ > 0)
    add("attempt " + std::to_string(attempt_) + "/" + std::to_string(max_attempts_));
  add(spoken_duration(now - started_));
  if (!is_connected_)
    return line;
  if (next_attempt_at_)
    add(error_);
  else if (!activity_.empty())
    add(activity_);
  else if (words_ > 0)
    add(std::to_string(words_) + (words_ == 1 ? " word" : " words"));
  return printable_line(line);
}

} // namespace troupe
