#include "persistence/page_bound.hpp"

#include "persistence/values/json_text.hpp"

#include <string>
#include <string_view>

namespace troupe {

namespace {

// What an answer has of a record besides its texts: names of members, times, identifiers.
constexpr std::size_t around_task = 700;
constexpr std::size_t around_message = 220;
constexpr std::size_t around_call = 50;
constexpr std::size_t around_event = 320;
constexpr std::size_t around_attempt = 330;
constexpr std::size_t around_approval = 480;
constexpr std::size_t around_bot = 480;
constexpr std::size_t around_tool = 240;
constexpr std::size_t around_model = 520;

std::size_t plain_size(std::string_view text) noexcept {
  return text.size();
}

template <class Measure>
std::size_t sum_of(const std::vector<std::string>& texts, Measure measure) {
  std::size_t sum = 0;
  for (const auto& text : texts)
    sum += measure(text) + 1;
  return sum;
}

template <class Measure>
std::size_t sum_of(const header_list& headers, Measure measure) {
  std::size_t sum = 0;
  for (const auto& [name, value] : headers)
    sum += name.size() + measure(value) + 4;
  return sum;
}

template <class Measure>
std::size_t bytes_of(const task_record& task, Measure measure) {
  // `spec` and `metadata` are JSON already.
  return around_task + measure(task.name) + measure(task.created_by) + measure(task.input) + task.spec.size()
         + task.metadata.size() + (task.output ? measure(*task.output) : 0) + (task.error ? measure(*task.error) : 0);
}

template <class Measure>
std::size_t bytes_of(const message_record& message, Measure measure) {
  // What only its model sees again is read with it, if not shown.
  auto sum = around_message + measure(message.content) + message.replay.size();
  for (const auto& call : message.tool_calls)
    sum += around_call + measure(call.tool) + measure(call.arguments) + call.provider_id.size() + call.extra.size();
  return sum;
}

template <class Measure>
std::size_t bytes_of(const event_record& event, Measure) {
  return around_event + event.data.size();
}

template <class Measure>
std::size_t bytes_of(const attempt_record& attempt, Measure measure) {
  return around_attempt + (attempt.error ? measure(*attempt.error) : 0);
}

template <class Measure>
std::size_t bytes_of(const approval_record& approval, Measure measure) {
  return around_approval + measure(approval.created_by) + measure(approval.reason) + measure(approval.arguments);
}

template <class Measure>
std::size_t bytes_of(const bot_record& bot, Measure measure) {
  auto sum = around_bot + measure(bot.system_prompt) + sum_of(bot.fallback_models, measure);
  for (const auto& tool : bot.tools)
    sum += around_tool + measure(tool.name) + measure(tool.description) + tool.parameters.size() + measure(tool.url)
           + sum_of(tool.headers, measure) + sum_of(tool.allow, measure) + sum_of(tool.deny, measure);
  return sum;
}

template <class Measure>
std::size_t bytes_of(const model_record& model, Measure measure) {
  return around_model + measure(model.base_url) + measure(model.model) + sum_of(model.headers, measure)
         + model.parameters.size();
}

} // namespace

std::size_t stored_bytes(const task_record& task) noexcept {
  return bytes_of(task, plain_size);
}

std::size_t stored_bytes(const message_record& message) noexcept {
  return bytes_of(message, plain_size);
}

std::size_t stored_bytes(const event_record& event) noexcept {
  return bytes_of(event, plain_size);
}

std::size_t stored_bytes(const attempt_record& attempt) noexcept {
  return bytes_of(attempt, plain_size);
}

std::size_t stored_bytes(const approval_record& approval) noexcept {
  return bytes_of(approval, plain_size);
}

std::size_t stored_bytes(const bot_record& bot) noexcept {
  return bytes_of(bot, plain_size);
}

std::size_t stored_bytes(const model_record& model) noexcept {
  return bytes_of(model, plain_size);
}

std::size_t shown_bytes(const task_record& task) noexcept {
  return bytes_of(task, json_string_size);
}

std::size_t shown_bytes(const message_record& message) noexcept {
  return bytes_of(message, json_string_size);
}

std::size_t shown_bytes(const event_record& event) noexcept {
  return bytes_of(event, json_string_size);
}

std::size_t shown_bytes(const attempt_record& attempt) noexcept {
  return bytes_of(attempt, json_string_size);
}

std::size_t shown_bytes(const approval_record& approval) noexcept {
  return bytes_of(approval, json_string_size);
}

std::size_t shown_bytes(const bot_record& bot) noexcept {
  return bytes_of(bot, json_string_size);
}

std::size_t shown_bytes(const model_record& model) noexcept {
  return bytes_of(model, json_string_size);
}

} // namespace troupe
