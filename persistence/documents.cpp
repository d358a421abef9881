#include "persistence/documents.hpp"

#include "persistence/json_text.hpp"

#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using nlohmann::json;

std::chrono::milliseconds read_ms(const json& object, const char* key, std::chrono::milliseconds otherwise) {
  return std::chrono::milliseconds{object.value(key, static_cast<std::int64_t>(otherwise.count()))};
}

template <class T>
std::optional<T> read_optional(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null())
    return std::nullopt;
  return found->get<T>();
}

} // namespace

std::string to_document(const bot_record& bot) {
  std::string text;
  {
    json_object o{text};
    o.add("model", bot.model).add("system_prompt", bot.system_prompt);
    o.add("temperature", bot.temperature).add("max_tokens", bot.max_tokens);
    o.add("max_iterations", bot.max_iterations);
    {
      json_array tools{o.open("tools")};
      for (const auto& tool : bot.tools)
        tools.add(tool);
    }
    {
      json_object restart{o.open("restart")};
      restart.add("max_attempts", bot.restart.max_attempts).add("backoff", to_string(bot.restart.backoff));
      restart.add("delay_ms", bot.restart.delay.count()).add("max_delay_ms", bot.restart.max_delay.count());
      restart.add("jitter", bot.restart.jitter);
    }
    o.add("timeout_s", bot.timeout.count()).add("on_busy", to_string(bot.on_busy));
  }
  return text;
}

void from_document(std::string_view text, bot_record& bot) {
  const auto o = json::parse(text);
  bot.model = o.value("model", bot.model);
  bot.system_prompt = o.value("system_prompt", bot.system_prompt);
  bot.temperature = read_optional<double>(o, "temperature");
  bot.max_tokens = read_optional<int>(o, "max_tokens");
  bot.max_iterations = o.value("max_iterations", bot.max_iterations);
  bot.tools = o.value("tools", bot.tools);
  const auto restart = o.value("restart", json::object());
  bot.restart.max_attempts = restart.value("max_attempts", bot.restart.max_attempts);
  bot.restart.backoff = parse_backoff_kind(restart.value("backoff", "")).value_or(bot.restart.backoff);
  bot.restart.delay = read_ms(restart, "delay_ms", bot.restart.delay);
  bot.restart.max_delay = read_ms(restart, "max_delay_ms", bot.restart.max_delay);
  bot.restart.jitter = restart.value("jitter", bot.restart.jitter);
  bot.timeout = std::chrono::seconds{o.value("timeout_s", static_cast<std::int64_t>(bot.timeout.count()))};
  bot.on_busy = parse_on_busy_rule(o.value("on_busy", "")).value_or(bot.on_busy);
}

std::string to_document(const model_record& model) {
  std::string text;
  json_object{text}.add("kind", model.kind).add("model", model.model);
  return text;
}

void from_document(std::string_view text, model_record& model) {
  const auto o = json::parse(text);
  model.kind = o.value("kind", model.kind);
  model.model = o.value("model", model.model);
}

std::string to_document(const std::vector<tool_call>& calls) {
  std::string text;
  {
    json_array items{text};
    for (const auto& call : calls)
      json_object{items.open()}.add("call_id", call.call_id).add("tool", call.tool).add("arguments", call.arguments);
  }
  return text;
}

std::vector<tool_call> tool_calls_from_document(std::string_view text) {
  std::vector<tool_call> calls;
  for (const auto& item : json::parse(text))
    calls.push_back({item.value("call_id", ""), item.value("tool", ""), item.value("arguments", "")});
  return calls;
}

} // namespace troupe
