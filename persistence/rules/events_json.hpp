#pragma once

#include "persistence/records.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The `data` objects of the journal entries that a store writes by itself, so
/// that every database tells the same story. All functions are pure; each returns
/// a JSON object as text.
namespace troupe {

/// `{name, status}` of `task:created` and `task:deleted`.
std::string plain_data(std::string_view name, task_status status);

/// What `task:queued` tells beside name and status.
struct queued_details {
  /// Not claimed before this time; left out if none.
  std::optional<timestamp> run_at;
  /// A user opened the task again: `"retry": true`.
  bool retry = false;
  /// Why a node handed it back; left out if empty.
  std::string_view reason;
};

/// `{name, status, run_at?, retry?, reason?}` of `task:queued`.
std::string queued_data(std::string_view name, task_status status, const queued_details& details);

/// `{name, status, attempt, node, bot}` of `task:started`.
std::string started_data(std::string_view name, int attempt, std::string_view node, std::string_view bot);

/// `{bot, model}` of `chat:start`.
std::string chat_start_data(std::string_view bot, std::string_view model);

/// `{error, error_class}` of `chat:error`.
std::string chat_error_data(std::string_view error, error_class kind);

/// `{call_id, tool, result}` of `chat:tool_result`; `result` is JSON text.
std::string tool_result_data(std::string_view call_id, std::string_view tool, std::string_view result);

/// `{name, status, error, error_class, attempt, next_attempt_at}` of `task:retrying`.
std::string retrying_data(std::string_view name, std::string_view error, error_class kind, int attempt,
                          timestamp next_attempt_at);

/// `{name, status, output, usage}` of `task:completed`; `usage` has `cost` and
/// `estimated` only if there is something to say.
std::string completed_data(std::string_view name, std::optional<std::string_view> output, const token_usage& usage);

/// `{input_tokens, output_tokens, cost?, estimated?}` as events tell it.
std::string usage_data(const token_usage& usage);

/// `{name, status, error, error_class, attempts}` of `task:failed`.
std::string failed_data(std::string_view name, std::string_view error, error_class kind, int attempts);

/// `{call_id, tool, args, deadline, default}` of `approval:requested`.
std::string approval_requested_data(const approval_record& approval);

/// `{call_id, tool, decision, args?, decided_by, reason?}` of `approval:decided`; `args` if
/// they were edited.
std::string approval_decided_data(const approval_record& approval);

/// `{name, status, output?}` of `task:cancelled`.
std::string cancelled_data(std::string_view name, std::optional<std::string_view> output);

/// The result that a tool call gets whose task ended before the real one was
/// known: a JSON object with `error`.
std::string_view unfinished_call_result() noexcept;

} // namespace troupe
