#include "persistence/rows/documents.hpp"

#include "persistence/values/json_text.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>

namespace troupe {
namespace {

using nlohmann::json;

template <class Duration>
Duration read_duration(const json& object, const char* key, Duration otherwise) {
  return Duration{object.value(key, static_cast<std::int64_t>(otherwise.count()))};
}

template <class T>
std::optional<T> read_optional(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null())
    return std::nullopt;
  return found->get<T>();
}

void add_headers(json_object& parent, const header_list& headers) {
  json_array pairs{parent.open("headers")};
  for (const auto& [name, value] : headers)
    json_array{pairs.open()}.add(name).add(value);
}

header_list read_headers(const json& object) {
  header_list headers;
  for (const auto& pair : object.value("headers", json::array()))
    headers.emplace_back(pair.at(0).get<std::string>(), pair.at(1).get<std::string>());
  return headers;
}

void add_strings(std::string& out, const std::vector<std::string>& strings) {
  json_array all{out};
  for (const auto& one : strings)
    all.add(one);
}

std::vector<std::string> read_strings(const json& object, const char* key) {
  return object.value(key, std::vector<std::string>{});
}

void add_tool(std::string& out, const tool_record& tool) {
  json_object o{out};
  o.add("type", to_string(tool.type)).add("name", tool.name).add("description", tool.description);
  o.add("parameters", tool.parameters).add("url", tool.url).add("method", tool.method);
  add_headers(o, tool.headers);
  o.add("repeat", to_string(tool.repeat)).add("requires_approval", tool.requires_approval);
  o.add("approval_timeout_s", tool.approval_timeout.count()).add("approve_by_default", tool.approve_by_default);
  o.add("timeout_s", tool.timeout.count());
  if (tool.type != tool_kind::mcp)
    return;
  add_strings(o.open("allow"), tool.allow);
  add_strings(o.open("deny"), tool.deny);
  o.add("session", to_string(tool.session));
}

/// A built-in tool with nothing else said of it.
tool_record plain_tool(const std::string& name) {
  tool_record tool;
  tool.name = name;
  return tool;
}

tool_record read_tool(const json& item) {
  tool_record tool;
  // Until there were others, a document held the names of built-in tools.
  if (item.is_string()) {
    tool.name = item.get<std::string>();
    return tool;
  }
  tool.type = parse_tool_kind(item.value("type", "")).value_or(tool.type);
  tool.name = item.value("name", tool.name);
  tool.description = item.value("description", tool.description);
  tool.parameters = item.value("parameters", tool.parameters);
  tool.url = item.value("url", tool.url);
  tool.method = item.value("method", tool.method);
  tool.headers = read_headers(item);
  tool.repeat = parse_repeat_rule(item.value("repeat", "")).value_or(tool.repeat);
  tool.requires_approval = item.value("requires_approval", tool.requires_approval);
  tool.approval_timeout = read_duration(item, "approval_timeout_s", tool.approval_timeout);
  tool.approve_by_default = item.value("approve_by_default", tool.approve_by_default);
  tool.timeout = read_duration(item, "timeout_s", tool.timeout);
  tool.allow = read_strings(item, "allow");
  tool.deny = read_strings(item, "deny");
  tool.session = parse_session_scope(item.value("session", "")).value_or(tool.session);
  return tool;
}

} // namespace

std::string to_document(const bot_record& bot) {
  std::string text;
  {
    json_object o{text};
    o.add("model", bot.model);
    {
      json_array fallback_models{o.open("fallback_models")};
      for (const auto& model : bot.fallback_models)
        fallback_models.add(model);
    }
    o.add("system_prompt", bot.system_prompt);
    o.add("temperature", bot.temperature).add("max_tokens", bot.max_tokens);
    o.add("max_iterations", bot.max_iterations).add("context_tokens", bot.context_tokens);
    {
      json_array tools{o.open("tools")};
      for (const auto& tool : bot.tools) {
        // As the version before can read it, too, which may run beside this one.
        if (tool == plain_tool(tool.name))
          tools.add(tool.name);
        else
          add_tool(tools.open(), tool);
      }
    }
    {
      json_object restart{o.open("restart")};
      restart.add("max_attempts", bot.restart.max_attempts).add("backoff", to_string(bot.restart.backoff));
      restart.add("delay_ms", bot.restart.delay.count()).add("max_delay_ms", bot.restart.max_delay.count());
      restart.add("jitter", bot.restart.jitter);
    }
    if (bot.budget)
      json_object{o.open("budget")}
        .add("cost", bot.budget->cost)
        .add("tokens", bot.budget->tokens)
        .add("period", to_string(bot.budget->period));
    o.add("timeout_s", bot.timeout.count()).add("on_busy", to_string(bot.on_busy));
  }
  return text;
}

void from_document(std::string_view text, bot_record& bot) {
  const auto o = json::parse(text);
  bot.model = o.value("model", bot.model);
  bot.fallback_models = o.value("fallback_models", bot.fallback_models);
  bot.system_prompt = o.value("system_prompt", bot.system_prompt);
  bot.temperature = read_optional<double>(o, "temperature");
  bot.max_tokens = read_optional<int>(o, "max_tokens");
  bot.max_iterations = o.value("max_iterations", bot.max_iterations);
  bot.context_tokens = o.value("context_tokens", bot.context_tokens);
  bot.tools.clear();
  for (const auto& tool : o.value("tools", json::array()))
    bot.tools.push_back(read_tool(tool));
  const auto restart = o.value("restart", json::object());
  bot.restart.max_attempts = restart.value("max_attempts", bot.restart.max_attempts);
  bot.restart.backoff = parse_backoff_kind(restart.value("backoff", "")).value_or(bot.restart.backoff);
  bot.restart.delay = read_duration(restart, "delay_ms", bot.restart.delay);
  bot.restart.max_delay = read_duration(restart, "max_delay_ms", bot.restart.max_delay);
  bot.restart.jitter = restart.value("jitter", bot.restart.jitter);
  if (const auto budget = o.find("budget"); budget != o.end() && budget->is_object()) {
    auto& limit = bot.budget.emplace();
    limit.cost = read_optional<std::int64_t>(*budget, "cost");
    limit.tokens = read_optional<std::int64_t>(*budget, "tokens");
    limit.period = parse_budget_period(budget->value("period", "")).value_or(limit.period);
  }
  bot.timeout = read_duration(o, "timeout_s", bot.timeout);
  bot.on_busy = parse_on_busy_rule(o.value("on_busy", "")).value_or(bot.on_busy);
}

std::string to_document(const model_record& model) {
  std::string text;
  {
    json_object o{text};
    o.add("kind", to_string(model.kind)).add("base_url", model.base_url).add("model", model.model);
    o.add("api_key_env", model.api_key_env).add("api_key_file", model.api_key_file);
    add_headers(o, model.headers);
    json_object{o.open("timeouts")}
      .add("connect_s", model.timeouts.connect.count())
      .add("first_token_s", model.timeouts.first_token.count())
      .add("idle_s", model.timeouts.idle.count())
      .add("total_s", model.timeouts.total.count());
    json_object{o.open("limits")}
      .add("concurrency", model.limits.concurrency)
      .add("requests_per_minute", model.limits.requests_per_minute)
      .add("tokens_per_minute", model.limits.tokens_per_minute);
    json_object{o.open("price")}
      .add("input_per_million", model.price.input_per_million)
      .add("output_per_million", model.price.output_per_million);
    o.add("parameters", model.parameters);
  }
  return text;
}

void from_document(std::string_view text, model_record& model) {
  const auto o = json::parse(text);
  model.kind = parse_model_kind(o.value("kind", "")).value_or(model.kind);
  model.base_url = o.value("base_url", model.base_url);
  model.model = o.value("model", model.model);
  model.api_key_env = o.value("api_key_env", model.api_key_env);
  model.api_key_file = o.value("api_key_file", model.api_key_file);
  model.headers = read_headers(o);
  const auto timeouts = o.value("timeouts", json::object());
  model.timeouts.connect = read_duration(timeouts, "connect_s", model.timeouts.connect);
  model.timeouts.first_token = read_duration(timeouts, "first_token_s", model.timeouts.first_token);
  model.timeouts.idle = read_duration(timeouts, "idle_s", model.timeouts.idle);
  model.timeouts.total = read_duration(timeouts, "total_s", model.timeouts.total);
  const auto limits = o.value("limits", json::object());
  model.limits.concurrency = read_optional<int>(limits, "concurrency");
  model.limits.requests_per_minute = read_optional<std::int64_t>(limits, "requests_per_minute");
  model.limits.tokens_per_minute = read_optional<std::int64_t>(limits, "tokens_per_minute");
  const auto price = o.value("price", json::object());
  model.price.input_per_million = price.value("input_per_million", model.price.input_per_million);
  model.price.output_per_million = price.value("output_per_million", model.price.output_per_million);
  model.parameters = o.value("parameters", model.parameters);
}

std::string to_document(const std::vector<tool_call>& calls) {
  std::string text;
  {
    json_array items{text};
    for (const auto& call : calls) {
      json_object o{items.open()};
      o.add("call_id", call.call_id).add("tool", call.tool).add("arguments", call.arguments);
      if (!call.provider_id.empty())
        o.add("provider_id", call.provider_id);
      if (!call.extra.empty())
        o.add("extra", call.extra);
    }
  }
  return text;
}

std::vector<tool_call> tool_calls_from_document(std::string_view text) {
  std::vector<tool_call> calls;
  for (const auto& item : json::parse(text))
    calls.push_back({item.value("call_id", ""), item.value("tool", ""), item.value("arguments", ""),
                     item.value("provider_id", ""), item.value("extra", "")});
  return calls;
}

} // namespace troupe
