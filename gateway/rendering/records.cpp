#include "gateway/rendering/records.hpp"

#include "gateway/forms/parse_headers.hpp"
#include "persistence/values/json_text.hpp"
#include "persistence/values/money.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace troupe {

namespace {

void add_usage(json_object& parent, const token_usage& usage) {
  json_object members{parent.open("usage")};
  members.add("input_tokens", usage.input_tokens)
    .add("output_tokens", usage.output_tokens)
    .add("cost", in_currency(usage.cost))
    .add("estimated", usage.estimated);
}

void add_error_class(json_object& parent, const std::optional<error_class>& kind) {
  if (kind)
    parent.add("error_class", to_string(*kind));
  else
    parent.add("error_class", nullptr);
}

void add_finish_reason(json_object& members, const std::optional<finish_reason>& finish) {
  if (finish)
    members.add("finish_reason", to_string(*finish));
  else
    members.add("finish_reason", nullptr);
}

/// Null for an empty text.
void add_or_null(json_object& parent, std::string_view key, const std::string& text) {
  if (text.empty())
    parent.add(key, nullptr);
  else
    parent.add(key, text);
}

void add_texts(json_object& parent, std::string_view key, const std::vector<std::string>& texts) {
  json_array list{parent.open(key)};
  for (const auto& text : texts)
    list.add(text);
}

std::string_view object_or_empty(const std::string& json) noexcept {
  return json.empty() ? std::string_view{"{}"} : json;
}

/// A name in `headers` is a token (RFC 9110), which needs no escapes.
void add_headers(json_object& parent, const header_list& headers) {
  json_object members{parent.open("headers")};
  for (const auto& [name, value] : headers)
    members.add(name, hides(name, value) ? hidden_value : std::string_view{value});
}

/// Null for none.
void add_names(json_object& members, std::string_view key, const std::vector<std::string>& names) {
  if (names.empty()) {
    members.add(key, nullptr);
    return;
  }
  json_array all{members.open(key)};
  for (const auto& name : names)
    all.add(name);
}

/// What a kind of tool does not have is left out, for it would be refused.
void append_tool(std::string& out, const tool_record& tool) {
  const bool is_http = tool.type == tool_kind::http;
  json_object members{out};
  members.add("type", to_string(tool.type)).add("name", tool.name);
  if (tool.type != tool_kind::builtin) {
    members.add("description", tool.description);
    if (is_http)
      members.add_raw("parameters", tool.parameters.empty() ? std::string_view{"null"} : tool.parameters);
    members.add("url", tool.url);
    if (is_http)
      members.add("method", tool.method);
    add_headers(members, tool.headers);
  }
  members.add("repeat", to_string(tool.repeat)).add("requires_approval", tool.requires_approval);
  if (tool.requires_approval)
    members.add("approval_timeout_s", tool.approval_timeout.count())
      .add("approval_default", tool.approve_by_default ? "approve" : "reject");
  if (tool.type != tool_kind::builtin)
    members.add("timeout_s", tool.timeout.count());
  if (tool.type != tool_kind::mcp)
    return;
  add_names(members, "allow", tool.allow);
  add_names(members, "deny", tool.deny);
  members.add("session", to_string(tool.session));
}

/// A model may have written arguments that are no JSON; those are shown as text.
void add_arguments(json_object& parent, const std::string& arguments) {
  if (nlohmann::json::accept(arguments))
    parent.add_raw("arguments", arguments);
  else
    parent.add("arguments", arguments);
}

/// The members of a budget's limit.
void add_limit(json_object& parent, const budget_limit& limit) {
  if (limit.cost)
    parent.add("cost", in_currency(*limit.cost));
  else
    parent.add("cost", nullptr);
  parent.add("tokens", limit.tokens).add("period", to_string(limit.period));
}

void add_model(json_object& members, const model_record& model) {
  members.add("name", model.name).add("namespace", model.ns).add("kind", to_string(model.kind));
  add_or_null(members, "base_url", model.base_url);
  members.add("model", model.model);
  add_or_null(members, "api_key_env", model.api_key_env);
  add_or_null(members, "api_key_file", model.api_key_file);
  add_headers(members, model.headers);
  if (model.kind == model_kind::builtin)
    members.add("timeouts", nullptr);
  else
    json_object{members.open("timeouts")}
      .add("connect_s", model.timeouts.connect.count())
      .add("first_token_s", model.timeouts.first_token.count())
      .add("idle_s", model.timeouts.idle.count())
      .add("total_s", model.timeouts.total.count());
  json_object{members.open("limits")}
    .add("concurrency", model.limits.concurrency)
    .add("requests_per_minute", model.limits.requests_per_minute)
    .add("tokens_per_minute", model.limits.tokens_per_minute);
  json_object{members.open("price")}
    .add("input_per_million", model.price.input_per_million)
    .add("output_per_million", model.price.output_per_million);
  members.add_raw("parameters", object_or_empty(model.parameters));
}

} // namespace

void append_task(std::string& out, const task_record& task) {
  out.reserve(out.size() + 1000 + task.input.size() + task.spec.size() + task.metadata.size()
              + (task.output ? task.output->size() : 0));
  json_object members{out};
  members.add("id", task.id)
    .add("name", task.name)
    .add("namespace", task.ns)
    .add("status", to_string(task.status))
    .add("input", task.input)
    .add("output", task.output)
    .add("error", task.error);
  add_error_class(members, task.error_kind);
  add_finish_reason(members, task.finish);
  members.add_raw("spec", object_or_empty(task.spec))
    .add("bot", task.bot)
    .add("thread_id", task.thread_id)
    .add("priority", task.priority)
    .add("attempt", task.attempt)
    .add("max_attempts", task.max_attempts)
    .add("run_at", task.run_at)
    .add("created_by", task.created_by)
    .add_raw("metadata", object_or_empty(task.metadata));
  add_usage(members, task.usage);
  add_or_null(members, "wait_reason", std::string{to_string(task.waits_for)});
  add_or_null(members, "node", task.node);
  members.add("created_at", task.created_at)
    .add("updated_at", task.updated_at)
    .add("started_at", task.started_at)
    .add("completed_at", task.completed_at);
}

void append_bot(std::string& out, const bot_record& bot) {
  json_object members{out};
  members.add("name", bot.name).add("namespace", bot.ns).add("model", bot.model);
  add_texts(members, "fallback_models", bot.fallback_models);
  members.add("system_prompt", bot.system_prompt)
    .add("temperature", bot.temperature)
    .add("max_tokens", bot.max_tokens)
    .add("max_iterations", bot.max_iterations)
    .add("context_tokens", bot.context_tokens);
  {
    json_array tools{members.open("tools")};
    for (const auto& tool : bot.tools)
      append_tool(tools.open(), tool);
  }
  if (bot.budget) {
    json_object limit{members.open("budget")};
    add_limit(limit, *bot.budget);
  } else {
    members.add("budget", nullptr);
  }
  json_object{members.open("restart")}
    .add("max_attempts", bot.restart.max_attempts)
    .add("backoff", to_string(bot.restart.backoff))
    .add("delay_ms", bot.restart.delay.count())
    .add("max_delay_ms", bot.restart.max_delay.count())
    .add("jitter", bot.restart.jitter);
  members.add("timeout_s", bot.timeout.count()).add("on_busy", to_string(bot.on_busy));
}

void append_model(std::string& out, const model_record& model) {
  json_object members{out};
  add_model(members, model);
}

std::string render_model_here(const model_record& model, const model_state& state) {
  std::string out;
  {
    json_object members{out};
    add_model(members, model);
    json_object shown{members.open("state")};
    shown.add("breaker", state.breaker);
    add_or_null(shown, "last_error", state.last_error);
    if (state.paused_for)
      shown.add("paused_for_ms", state.paused_for->count());
    else
      shown.add("paused_for_ms", nullptr);
    shown.add("active", state.active)
      .add("waiting", state.waiting)
      .add("requests_left", state.requests_left)
      .add("tokens_left", state.tokens_left);
    json_array learnt{shown.open("learnt")};
    for (const auto& what : state.learnt)
      learnt.add(what);
  }
  return out;
}

void append_message(std::string& out, const message_record& message) {
  json_object members{out};
  members.add("task_id", message.task_id).add("role", to_string(message.role)).add("content", message.content);
  {
    json_array calls{members.open("tool_calls")};
    for (const auto& call : message.tool_calls) {
      json_object call_members{calls.open()};
      call_members.add("call_id", call.call_id).add("tool", call.tool);
      add_arguments(call_members, call.arguments);
    }
  }
  if (message.interrupted)
    members.add("interrupted", true);
  if (message.role == message_role::tool)
    members.add("call_id", message.call_id).add("tool", message.tool);
  members.add("attempt", message.attempt).add("created_at", message.created_at);
}

void append_attempt(std::string& out, const attempt_record& attempt) {
  json_object members{out};
  members.add("attempt", attempt.attempt);
  add_or_null(members, "node", attempt.node);
  add_or_null(members, "model", attempt.model);
  members.add("outcome", to_string(attempt.outcome)).add("error", attempt.error);
  add_error_class(members, attempt.error_kind);
  add_finish_reason(members, attempt.finish);
  add_usage(members, attempt.usage);
  members.add("started_at", attempt.started_at).add("ended_at", attempt.ended_at);
}

void append_node(std::string& out, const node_record& node) {
  json_object members{out};
  members.add("name", node.name)
    .add("id", node.id)
    .add("role", to_string(node.role))
    .add("status", to_string(node.health))
    .add("version", node.version);
  add_or_null(members, "address", node.address);
  members.add("capacity", node.capacity)
    .add("running", node.running)
    .add("started_at", node.started_at)
    .add("heartbeat_at", node.heartbeat_at)
    .add("lease_expires_at", node.lease_expires_at);
}

void append_approval(std::string& out, const approval_record& approval) {
  json_object members{out};
  members.add("task_id", approval.task_id)
    .add("call_id", approval.call_id)
    .add("namespace", approval.ns)
    .add("bot", approval.bot)
    .add("created_by", approval.created_by)
    .add("tool", approval.tool);
  add_arguments(members, approval.arguments);
  members.add("edited", approval.edited)
    .add("status", to_string(approval.state))
    .add("requested_at", approval.requested_at)
    .add("deadline", approval.deadline)
    .add("default", approval.approve_by_default ? "approve" : "reject");
  add_or_null(members, "decided_by", approval.decided_by);
  add_or_null(members, "reason", approval.reason);
  members.add("decided_at", approval.decided_at);
}

void append_usage(std::string& out, const usage_record& usage) {
  json_object members{out};
  members.add("key", usage.key).add("attempts", usage.attempts);
  add_usage(members, usage.usage);
}

void append_thread(std::string& out, const thread_record& thread) {
  json_object members{out};
  members.add("id", thread.id).add("namespace", thread.ns).add("tasks", thread.tasks);
  add_usage(members, thread.usage);
  members.add("created_at", thread.created_at).add("updated_at", thread.updated_at);
}

void append_budget(std::string& out, const budget_record& budget) {
  json_object members{out};
  members.add("scope", budget.scope);
  add_limit(members, budget.limit);
  members.add("window", budget.window);
  for (const auto& [name, amount] : {std::pair{"spent", budget.spent}, std::pair{"reserved", budget.reserved}})
    json_object{members.open(name)}.add("cost", in_currency(amount.cost)).add("tokens", amount.tokens);
  members.add("updated_at", budget.updated_at);
}

std::string etag_of(const task_record& task) {
  // FNV-1a over what every visible change touches.
  std::uint64_t sum = 14695981039346656037ULL;
  const auto mix = [&sum](std::uint64_t value) {
    for (int i = 0; i < 8; ++i, value >>= 8)
      sum = (sum ^ (value & 0xFF)) * 1099511628211ULL;
  };
  for (const auto byte : task.id.bytes)
    sum = (sum ^ byte) * 1099511628211ULL;
  mix(static_cast<std::uint64_t>(task.updated_at.time_since_epoch().count()));
  mix(static_cast<std::uint64_t>(task.status));
  mix(static_cast<std::uint64_t>(task.attempt));
  mix(static_cast<std::uint64_t>(task.usage.input_tokens));
  mix(static_cast<std::uint64_t>(task.usage.output_tokens));
  mix(static_cast<std::uint64_t>(task.usage.cost));
  mix(task.usage.estimated ? 1 : 0);
  mix(static_cast<std::uint64_t>(task.waits_for));
  std::string tag = "\"0000000000000000\"";
  for (std::size_t i = 16; i > 0; --i, sum >>= 4)
    tag[i] = "0123456789abcdef"[sum & 15];
  return tag;
}

std::string validation_answer(const std::vector<std::string>& errors, const std::vector<std::string>& warnings) {
  std::string out;
  {
    json_object members{out};
    members.add("valid", errors.empty());
    add_texts(members, "errors", errors);
    add_texts(members, "warnings", warnings);
  }
  return out;
}

} // namespace troupe
