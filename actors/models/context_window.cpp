#include "actors/models/context_window.hpp"

#include "actors/providers/provider.hpp"
#include "persistence/rules/events_json.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace troupe {

namespace {

/// What a message, and a call in one, cost besides their text: roles, names, separators.
constexpr std::int64_t framing = 4;

std::int64_t tokens_of(std::size_t bytes) noexcept {
  return static_cast<std::int64_t>(bytes / 4 + (bytes % 4 == 0 ? 0 : 1));
}

/// An entry of the window: a message of the history, or the place of a call's result.
struct entry {
  /// Null as long as the call has no result.
  const message_record* message = nullptr;
  /// For the place of a result: whose, and of which call.
  const message_record* intent = nullptr;
  const tool_call* call = nullptr;

  [[nodiscard]] const uuid& task() const noexcept { return message != nullptr ? message->task_id : intent->task_id; }
};

message_record lost_result_of(const message_record& intent, const tool_call& call) {
  message_record result;
  result.task_id = intent.task_id;
  result.role = message_role::tool;
  result.content = unfinished_call_result();
  result.call_id = call.call_id;
  result.tool = call.tool;
  result.attempt = intent.attempt;
  result.created_at = intent.created_at;
  return result;
}

message_record record_of(const entry& shown) {
  return shown.message != nullptr ? *shown.message : lost_result_of(*shown.intent, *shown.call);
}

std::int64_t estimate(const entry& shown) {
  return shown.message != nullptr ? estimate_tokens(*shown.message)
                                  : tokens_of(unfinished_call_result().size()) + framing;
}

/// Each intent with its results behind it; what belongs nowhere is left out.
std::vector<entry> well_formed(std::span<const message_record> history) {
  std::vector<entry> shown;
  // The places of calls that wait for their result. A later intent of the same id takes over: what comes then is its.
  std::map<std::pair<uuid, std::string_view>, std::size_t> open;
  const auto take_assistant = [&](const message_record& message) {
    if (message.content.empty() && message.tool_calls.empty())
      return;
    shown.push_back({&message, nullptr, nullptr});
    for (const auto& call : message.tool_calls) {
      open[{message.task_id, call.call_id}] = shown.size();
      shown.push_back({nullptr, &message, &call});
    }
  };
  for (const auto& message : history) {
    switch (message.role) {
    case message_role::user: shown.push_back({&message, nullptr, nullptr}); break;
    case message_role::assistant: take_assistant(message); break;
    case message_role::tool:
      if (const auto place = open.find({message.task_id, message.call_id}); place != open.end()) {
        shown[place->second].message = &message;
        open.erase(place);
      }
    }
  }
  return shown;
}

/// The tasks whose messages are left out.
std::set<uuid> left_out(const std::vector<entry>& shown, const uuid& latest, std::int64_t used, std::int64_t budget) {
  std::vector<uuid> by_age;
  std::map<uuid, std::int64_t> tokens;
  for (const auto& one : shown) {
    const auto count = estimate(one);
    const auto [task, is_new] = tokens.try_emplace(one.task(), 0);
    if (is_new)
      by_age.push_back(one.task());
    task->second += count;
    used += count;
  }
  std::set<uuid> out;
  for (const auto& task : by_age) {
    if (used <= budget)
      break;
    if (task == latest)
      continue;
    used -= tokens[task];
    out.insert(task);
  }
  return out;
}

} // namespace

std::vector<message_record> fit_window(std::span<const message_record> history, std::string_view system_prompt,
                                       std::int64_t reserved, std::int64_t budget) {
  if (history.empty())
    return {};
  const auto shown = well_formed(history);
  const auto out = left_out(shown, history.back().task_id, tokens_of(system_prompt.size()) + reserved, budget);
  std::vector<message_record> window;
  for (const auto& one : shown)
    if (!out.contains(one.task()))
      window.push_back(record_of(one));
  return window;
}

std::int64_t estimate_tokens(const message_record& message) noexcept {
  auto tokens = tokens_of(message.content.size()) + tokens_of(message.replay.size()) + framing;
  for (const auto& call : message.tool_calls)
    tokens += tokens_of(call.tool.size() + call.arguments.size()) + framing;
  return tokens;
}

token_usage estimate_call(const bot_record& bot, std::span<const message_record> history, std::string_view input) {
  constexpr std::int64_t usual_answer = 256;
  token_usage usage;
  usage.estimated = true;
  usage.input_tokens = providers::estimate_tokens(bot.system_prompt);
  if (history.empty())
    usage.input_tokens += providers::estimate_tokens(input);
  for (const auto& message : history)
    usage.input_tokens += estimate_tokens(message);
  usage.input_tokens = std::min(usage.input_tokens, bot.context_tokens);
  usage.output_tokens = bot.max_tokens.value_or(usual_answer);
  return usage;
}

} // namespace troupe
