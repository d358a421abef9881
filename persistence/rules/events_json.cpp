#include "persistence/rules/events_json.hpp"

#include "persistence/values/json_text.hpp"
#include "persistence/values/money.hpp"
#include "persistence/values/parse_json.hpp"

namespace troupe {
namespace {

/// Writes one object: `fill` adds the members.
template <class Fill>
std::string object(Fill fill) {
  std::string text;
  text.reserve(96);
  {
    json_object members{text};
    fill(members);
  }
  return text;
}

} // namespace

std::string plain_data(std::string_view name, task_status status) {
  return object([&](json_object& o) { o.add("name", name).add("status", to_string(status)); });
}

std::string queued_data(std::string_view name, task_status status, const queued_details& details) {
  return object([&](json_object& o) {
    o.add("name", name).add("status", to_string(status));
    if (details.run_at)
      o.add("run_at", *details.run_at);
    if (details.retry)
      o.add("retry", true);
    if (!details.reason.empty())
      o.add("reason", details.reason);
  });
}

std::string started_data(std::string_view name, int attempt, std::string_view node, std::string_view bot) {
  return object([&](json_object& o) {
    o.add("name", name).add("status", to_string(task_status::running)).add("attempt", attempt);
    o.add("node", node).add("bot", bot);
  });
}

std::string chat_start_data(std::string_view bot, std::string_view model) {
  return object([&](json_object& o) { o.add("bot", bot).add("model", model); });
}

std::string chat_error_data(std::string_view error, error_class kind) {
  return object([&](json_object& o) { o.add("error", error).add("error_class", to_string(kind)); });
}

std::string tool_result_data(std::string_view call_id, std::string_view tool, std::string_view result) {
  return object([&](json_object& o) { o.add("call_id", call_id).add("tool", tool).add_raw("result", result); });
}

std::string retrying_data(std::string_view name, std::string_view error, error_class kind, int attempt,
                          timestamp next_attempt_at) {
  return object([&](json_object& o) {
    o.add("name", name).add("status", to_string(task_status::running));
    o.add("error", error).add("error_class", to_string(kind));
    o.add("attempt", attempt).add("next_attempt_at", next_attempt_at);
  });
}

std::string completed_data(std::string_view name, std::optional<std::string_view> output, const token_usage& usage) {
  return object([&](json_object& o) {
    o.add("name", name).add("status", to_string(task_status::completed)).add("output", output);
    o.add_raw("usage", usage_data(usage));
  });
}

std::string usage_data(const token_usage& usage) {
  return object([&](json_object& o) {
    o.add("input_tokens", usage.input_tokens).add("output_tokens", usage.output_tokens);
    if (usage.cost != 0)
      o.add("cost", in_currency(usage.cost));
    if (usage.estimated)
      o.add("estimated", true);
  });
}

std::string failed_data(std::string_view name, std::string_view error, error_class kind, int attempts) {
  return object([&](json_object& o) {
    o.add("name", name).add("status", to_string(task_status::failed));
    o.add("error", error).add("error_class", to_string(kind)).add("attempts", attempts);
  });
}

std::string approval_requested_data(const approval_record& approval) {
  return object([&](json_object& o) {
    o.add("call_id", approval.call_id).add("tool", approval.tool);
    o.add_raw("args", json_or_string(approval.arguments));
    o.add("deadline", approval.deadline).add("default", approval.approve_by_default ? "approve" : "reject");
  });
}

std::string approval_decided_data(const approval_record& approval) {
  return object([&](json_object& o) {
    o.add("call_id", approval.call_id).add("tool", approval.tool).add("decision", to_string(approval.state));
    if (approval.edited)
      o.add_raw("args", json_or_string(approval.arguments));
    o.add("decided_by", approval.decided_by);
    if (!approval.reason.empty())
      o.add("reason", approval.reason);
  });
}

std::string cancelled_data(std::string_view name, std::optional<std::string_view> output) {
  return object([&](json_object& o) {
    o.add("name", name).add("status", to_string(task_status::cancelled));
    if (output)
      o.add("output", *output);
  });
}

std::string_view unfinished_call_result() noexcept {
  return R"({"error":"The call was not finished: its task ended before a result was known."})";
}

} // namespace troupe
