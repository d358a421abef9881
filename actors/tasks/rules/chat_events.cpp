#include "actors/tasks/rules/chat_events.hpp"

#include "persistence/rules/events_json.hpp"
#include "persistence/values/json_text.hpp"
#include "persistence/values/parse_json.hpp"

#include <algorithm>
#include <cmath>

namespace troupe {

new_event tool_started(const tool_call& call) {
  new_event event{event_type::chat_tool_start, {}};
  json_object{event.data}
    .add("call_id", call.call_id)
    .add("tool", call.tool)
    .add_raw("args", json_or_string(call.arguments));
  return event;
}

new_event tool_finished(const tool_call& call, std::string_view result) {
  return {event_type::chat_tool_result, tool_result_data(call.call_id, call.tool, result)};
}

new_event chat_done(std::string_view model, finish_reason finish, const token_usage& usage) {
  new_event event{event_type::chat_done, {}};
  json_object{event.data}
    .add("finish_reason", to_string(finish))
    .add("model", model)
    .add_raw("usage", usage_data(usage));
  return event;
}

std::int64_t cost_of(const token_usage& usage, const model_price& price) noexcept {
  // Per million of tokens, in billionths: a thousand each.
  const auto exact = (static_cast<double>(usage.input_tokens) * price.input_per_million
                      + static_cast<double>(usage.output_tokens) * price.output_per_million)
                     * 1000;
  constexpr double largest = 9e18;
  return std::llround(std::clamp(exact, 0.0, largest));
}

} // namespace troupe
