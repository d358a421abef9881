#include "tests/judge/judge_rules.hpp"

#include "persistence/values/time.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>

namespace troupe {

namespace {

/// Collects the sentences about one task.
class sentences {
public:
  void require(bool holds, const std::string& otherwise) {
    if (!holds) {
      flaws_.push_back(otherwise);
    }
  }

  std::vector<std::string> take() { return std::move(flaws_); }

private:
  std::vector<std::string> flaws_;
};

std::string type_of(const json& entry) {
  return entry.at("type");
}

timestamp time_of(const json& entry) {
  const auto at = parse_rfc3339(entry.at("at").get<std::string>());
  if (!at) {
    throw std::runtime_error{"no time: " + entry.dump()};
  }
  return *at;
}

/// The events that do not belong to a run of the task's actor, and so may carry any attempt.
bool is_from_outside(const json& entry) {
  const std::string type = type_of(entry);
  return type == "task:created" || type == "task:queued" || type == "task:cancelled" || type == "task:deleted";
}

/// Of the statuses, the one that a terminal event stands for.
std::string status_after(const json& entry) {
  const std::string type = type_of(entry);
  return type == "task:completed" ? "COMPLETED" : type == "task:failed" ? "FAILED" : "CANCELLED";
}

void judge_journal(const task_evidence& e, sentences& flaws) {
  std::int64_t expected = 1;
  int latest_attempt = 0;
  std::map<int, int> starts;
  for (const auto& entry : e.journal) {
    flaws.require(entry.at("seq") == expected,
                  "the journal has " + entry.at("seq").dump() + " in the place of " + std::to_string(expected));
    ++expected;
    const int attempt = entry.at("attempt");
    flaws.require(attempt >= latest_attempt || is_from_outside(entry),
                  "attempt " + std::to_string(attempt) + " wrote " + type_of(entry) + " (" + entry.at("seq").dump()
                    + ") after attempt " + std::to_string(latest_attempt) + " had begun");
    latest_attempt = std::max(latest_attempt, attempt);
    starts[attempt] += type_of(entry) == "task:started" ? 1 : 0;
  }
  for (const auto& [attempt, count] : starts) {
    flaws.require(count <= 1,
                  "attempt " + std::to_string(attempt) + " was started " + std::to_string(count) + " times");
  }
  if (e.journal.empty()) {
    flaws.require(false, "it has no journal");
    return;
  }
  flaws.require(type_of(e.journal.front()) == "task:created", "the journal begins with " + type_of(e.journal.front()));
  const auto ends = std::count_if(e.journal.begin(), e.journal.end(), is_terminal_event);
  flaws.require(ends == 1, "the journal has " + std::to_string(ends) + " terminal events");
  const auto& last = e.journal.back();
  flaws.require(is_terminal_event(last), "the journal goes on after its end, with " + type_of(last));
  flaws.require(!is_terminal_event(last) || status_after(last) == e.task.at("status"),
                "the journal ends with " + type_of(last) + ", but the task is "
                  + e.task.at("status").get<std::string>());
}

void judge_messages(const task_evidence& e, sentences& flaws) {
  const bool completed = e.task.at("status") == "COMPLETED";
  int users = 0;
  std::vector<json> answers;
  std::map<std::string, int> calls;
  for (const auto& message : e.messages) {
    const std::string role = message.at("role");
    users += role == "user" ? 1 : 0;
    if (role == "assistant" && message.contains("interrupted")) {
      continue;
    }
    if (role == "assistant" && message.at("tool_calls").empty()) {
      answers.push_back(message);
    } else if (role == "assistant") {
      for (const auto& call : message.at("tool_calls")) {
        flaws.require(calls.emplace(call.at("call_id"), 0).second, "a tool call stands there twice: " + call.dump());
      }
    } else if (role == "tool") {
      const auto call = calls.find(message.at("call_id"));
      flaws.require(call != calls.end(), "a result without a tool call: " + message.dump());
      if (call != calls.end()) {
        ++call->second;
      }
    }
  }
  for (const auto& [id, results] : calls) {
    flaws.require(results == 1, "the tool call " + id + " has " + std::to_string(results) + " results");
  }
  // A task that was cancelled before it began has said nothing yet.
  const int expected_users = e.task.at("attempt") == 0 ? 0 : 1;
  flaws.require(users == expected_users, "it has " + std::to_string(users) + " user messages");
  flaws.require(answers.size() == (completed ? 1U : 0U), "it is " + e.task.at("status").get<std::string>() + " with "
                                                           + std::to_string(answers.size()) + " final messages");
  if (completed && answers.size() == 1) {
    flaws.require(answers[0].at("content") == e.task.at("output"),
                  "its output and its final message differ: " + answers[0].at("content").dump());
  }
}

void judge_attempts(const task_evidence& e, sentences& flaws) {
  if (e.attempts.empty()) {
    flaws.require(e.task.at("attempt") <= 1, "its attempts are missing");
    return;
  }
  int expected = 1;
  for (const auto& attempt : e.attempts) {
    flaws.require(attempt.at("attempt") == expected,
                  "attempt " + attempt.at("attempt").dump() + " in the place of " + std::to_string(expected));
    ++expected;
    flaws.require(attempt.at("outcome") != "running" && !attempt.at("ended_at").is_null(),
                  "an attempt still runs: " + attempt.dump());
  }
  flaws.require(e.task.at("attempt") == expected - 1,
                "its attempt is " + e.task.at("attempt").dump() + ", but it has " + std::to_string(expected - 1));
  const auto completed
    = std::count_if(e.attempts.begin(), e.attempts.end(), [](const json& a) { return a.at("outcome") == "completed"; });
  flaws.require(completed == (e.task.at("status") == "COMPLETED" ? 1 : 0),
                std::to_string(completed) + " attempts were completed");
}

} // namespace

bool is_terminal_status(const std::string& status) {
  return status == "COMPLETED" || status == "FAILED" || status == "CANCELLED";
}

bool is_terminal_event(const json& frame) {
  const std::string type = frame.at("type");
  return type == "task:completed" || type == "task:failed" || type == "task:cancelled";
}

seen_event summary_of(const json& frame) {
  const std::string type = frame.at("type");
  return {frame.at("seq"), frame.at("attempt"), is_terminal_event(frame),
          std::hash<std::string>{}(type + frame.at("data").dump())};
}

std::vector<std::string> flaws_of(const task_evidence& evidence) {
  sentences flaws;
  const std::string status = evidence.task.at("status");
  flaws.require(is_terminal_status(status), "it is " + status);
  judge_journal(evidence, flaws);
  judge_messages(evidence, flaws);
  judge_attempts(evidence, flaws);
  return flaws.take();
}

std::vector<std::string> flaws_of_view(const std::vector<seen_event>& seen, const std::vector<json>& journal) {
  std::vector<seen_event> stored;
  for (const auto& entry : journal) {
    stored.push_back(summary_of(entry));
  }
  return flaws_of_view(seen, stored);
}

std::vector<std::string> flaws_of_view(const std::vector<seen_event>& seen, const std::vector<seen_event>& journal) {
  sentences flaws;
  std::int64_t expected = 1;
  for (const auto& event : seen) {
    flaws.require(event.seq <= expected,
                  std::to_string(event.seq) + " came in the place of " + std::to_string(expected) + ": a hole");
    flaws.require(event.seq >= expected, std::to_string(event.seq) + " came again");
    expected = std::max(expected, event.seq + 1);
    const auto index = static_cast<std::size_t>(event.seq - 1);
    flaws.require(index < journal.size() && journal[index] == event,
                  std::to_string(event.seq) + " was seen otherwise than the journal has it");
  }
  flaws.require(expected == static_cast<std::int64_t>(journal.size()) + 1,
                "the last one seen is " + std::to_string(expected - 1) + " of " + std::to_string(journal.size()));
  return flaws.take();
}

std::vector<std::string> flaws_of_view_past_loss(const std::vector<seen_event>& seen, const std::vector<json>& journal,
                                                 bool whole) {
  sentences flaws;
  std::optional<std::size_t> before;
  for (const auto& entry : journal) {
    const auto stored = summary_of(entry);
    const auto last = std::find(seen.rbegin(), seen.rend(), stored);
    if (last == seen.rend()) {
      flaws.require(!whole, std::to_string(stored.seq) + " was never seen");
      continue;
    }
    const auto at = static_cast<std::size_t>(seen.rend() - last);
    flaws.require(!before || *before < at, std::to_string(stored.seq) + " was seen before what it follows");
    before = at;
  }
  return flaws.take();
}

std::vector<recovery> recoveries_of(const task_evidence& evidence) {
  std::vector<recovery> found;
  for (const auto& attempt : evidence.attempts) {
    const std::string outcome = attempt.at("outcome");
    if (outcome != "lost" && outcome != "released") {
      continue;
    }
    const int number = attempt.at("attempt");
    std::optional<timestamp> last;
    std::optional<timestamp> next;
    for (const auto& entry : evidence.journal) {
      // What says that it was lost carries its number too, but the node did not write it.
      if (entry.at("attempt") == number && type_of(entry) != "task:retrying" && !is_from_outside(entry)) {
        last = time_of(entry);
      } else if (entry.at("attempt") == number + 1 && !next) {
        next = time_of(entry);
      }
    }
    if (last && next) {
      found.push_back(
        {number, outcome == "lost", std::chrono::duration_cast<std::chrono::milliseconds>(*next - *last)});
    }
  }
  return found;
}

std::chrono::milliseconds run_time_of(const std::string& input) {
  long delay = 0;
  long pace = 0;
  // The answer begins with a word of its own.
  long words = 1;
  bool text = false;
  std::istringstream stream{input};
  for (std::string word; stream >> word;) {
    const auto equals = word.find('=');
    const long value = equals == std::string::npos ? 0 : std::strtol(word.c_str() + equals + 1, nullptr, 10);
    text = text || !word.starts_with('@');
    if (text) {
      ++words;
    } else if (word.starts_with("@delay=")) {
      delay = value;
    } else if (word.starts_with("@pace=")) {
      pace = value;
    } else if (word.starts_with("@words=")) {
      words += value;
    }
  }
  return std::chrono::milliseconds{delay + pace * words};
}

} // namespace troupe
