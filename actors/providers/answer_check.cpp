#include "actors/providers/answer_check.hpp"

#include "actors/providers/provider.hpp"
#include "actors/providers/shown_thread.hpp"
#include "actors/remote/foreign_text.hpp"
#include "persistence/values/parse_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace troupe {

namespace {

constexpr std::size_t shown_arguments = 200;

bool is_in(std::string_view word, std::initializer_list<std::string_view> words) noexcept {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string no_object(const std::string& arguments) {
  return "The arguments of this call were no JSON object, so it was not made. They were: "
         + foreign::excerpt(arguments, shown_arguments);
}

} // namespace

finish_reason finish_of(std::string_view said) noexcept {
  if (is_in(said, {"length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "model_context_window_exceeded",
                   "model_length"}))
    return finish_reason::length;
  if (is_in(said, {"content_filter", "SAFETY", "safety", "sensitive", "PROHIBITED_CONTENT", "BLOCKLIST", "RECITATION",
                   "guardrail_intervened"}))
    return finish_reason::content_filter;
  if (said == "refusal")
    return finish_reason::refusal;
  return finish_reason::stop;
}

std::map<std::size_t, std::string> refused_calls(std::vector<tool_call>& calls, finish_reason finish) {
  std::map<std::size_t, std::string> refused;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    auto& call = calls[i];
    const bool blank = is_blank(call.arguments);
    const bool whole = !blank && parse_json_object(call.arguments).has_value();
    if (finish != finish_reason::stop && i + 1 == calls.size() && !whole)
      refused[i] = finish == finish_reason::length
                     ? "The answer reached its limit of tokens within this call, so it was not made. Make it again, "
                       "with less around it or in smaller parts."
                     : "The answer was cut off within this call, so it was not made.";
    else if (call.tool.empty())
      refused[i] = "This call names no tool, so it was not made.";
    else if (!blank && !whole)
      refused[i] = no_object(call.arguments);
    if (blank)
      call.arguments = "{}";
  }
  return refused;
}

} // namespace troupe
