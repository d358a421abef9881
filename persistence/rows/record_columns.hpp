#pragma once

#include "persistence/records.hpp"
#include "persistence/rows/columns.hpp"
#include "persistence/rows/documents.hpp"

#include <optional>
#include <string>
#include <tuple>
#include <vector>

/// The records' columns, in the order in which they are selected. A new column has its
/// line here and a step of each database's migrations; whoever changes it alone (the
/// statements of sqlite_tasks) names it there. Enums are stored as their numbers, so the
/// order of their values in persistence/records.hpp is part of the schema.
namespace troupe {

/// Of whatever has used tokens.
template <>
inline constexpr auto columns<token_usage> = std::tuple{
  later("input_tokens", &token_usage::input_tokens).initially("0"),
  later("output_tokens", &token_usage::output_tokens).initially("0"),
  later("cost", &token_usage::cost),
  later("estimated", &token_usage::estimated),
};

/// Of `tasks`, beside `last_seq`, `deleted_at`, and what a database keeps for itself.
template <>
inline constexpr auto columns<task_record> = std::tuple_cat(
  std::tuple{
    once("id", &task_record::id),
    once("thread_id", &task_record::thread_id),
    once("ns", &task_record::ns),
    once("created_by", &task_record::created_by),
    later("status", &task_record::status).initially("0"),
    always("queued", &task_record::queued),
    later("attempt", &task_record::attempt).initially("0"),
    always("max_attempts", &task_record::max_attempts),
    once("priority", &task_record::priority),
  },
  within(&task_record::usage, columns<token_usage>),
  std::tuple{
    later("waits_for", &task_record::waits_for),
    once("created_at", &task_record::created_at),
    always("updated_at", &task_record::updated_at),
    later("started_at", &task_record::started_at),
    later("completed_at", &task_record::completed_at),
    once("run_at", &task_record::run_at),
    later("error_class", &task_record::error_kind),
    later("finish_reason", &task_record::finish),
    once("name", &task_record::name),
    always("bot", &task_record::bot),
    always("bot_ns", &task_record::bot_ns),
    later("node", &task_record::node).initially("''"),
    later("error", &task_record::error).of_any_length(),
    once("input", &task_record::input).of_any_length(),
    later("output", &task_record::output).of_any_length(),
    once("spec", &task_record::spec).of_any_length(),
    once("metadata", &task_record::metadata).of_any_length(),
  });

/// Of `attempts`, behind the task's id. The running attempt is a row of `queue`.
template <>
inline constexpr auto columns<attempt_record> = std::tuple{
  once("attempt", &attempt_record::attempt),
  always("outcome", &attempt_record::outcome),
  once("started_at", &attempt_record::started_at),
  always("ended_at", &attempt_record::ended_at),
  always("error_class", &attempt_record::error_kind),
  always("input_tokens", &attempt_record::usage, &token_usage::input_tokens),
  always("output_tokens", &attempt_record::usage, &token_usage::output_tokens),
  always("cost", &attempt_record::usage, &token_usage::cost),
  always("estimated", &attempt_record::usage, &token_usage::estimated),
  once("node", &attempt_record::node),
  always("model", &attempt_record::model),
  always("error", &attempt_record::error).of_any_length(),
  always("finish_reason", &attempt_record::finish),
};

/// Of `messages`: where one belongs, behind the thread's id and the position.
inline constexpr auto message_place = std::tuple{
  once("task_id", &message_record::task_id),
  once("attempt", &message_record::attempt),
  once("created_at", &message_record::created_at),
};
/// And what it says.
inline constexpr auto message_body = std::tuple{
  once("role", &message_record::role),
  once("content", &message_record::content).of_any_length(),
  once("tool_calls", &message_record::tool_calls).of_any_length(),
  once("call_id", &message_record::call_id).or_null(),
  once("tool", &message_record::tool).or_null(),
  once("thinking", &message_record::replay).or_null().of_any_length(),
  once("interrupted", &message_record::interrupted),
  once("origin", &message_record::origin).or_null(),
};
template <>
inline constexpr auto columns<message_record> = std::tuple_cat(message_place, message_body);

/// Of `events`, behind the task's id; the position and the rest of the source are left to the caller.
template <>
inline constexpr auto columns<event_record> = std::tuple{
  once("seq", &event_record::seq),         never("position", &event_record::position),
  once("attempt", &event_record::attempt), once("type", &event_record::type),
  once("at", &event_record::at),           once("data", &event_record::data).of_any_length(),
};

/// Of `approvals`.
template <>
inline constexpr auto columns<approval_record> = std::tuple{
  once("task_id", &approval_record::task_id),
  once("call_id", &approval_record::call_id),
  once("ns", &approval_record::ns),
  once("created_by", &approval_record::created_by),
  always("bot", &approval_record::bot),
  always("tool", &approval_record::tool),
  always("state", &approval_record::state),
  always("called", &approval_record::called),
  always("edited", &approval_record::edited),
  always("approve_by_default", &approval_record::approve_by_default),
  always("requested_at", &approval_record::requested_at),
  always("deadline", &approval_record::deadline),
  always("decided_at", &approval_record::decided_at),
  always("decided_by", &approval_record::decided_by),
  always("reason", &approval_record::reason).of_any_length(),
  always("arguments", &approval_record::arguments).of_any_length(),
};

/// Of `budgets`.
template <>
inline constexpr auto columns<budget_record> = std::tuple{
  once("scope", &budget_record::scope),
  always("limit_cost", &budget_record::limit, &budget_limit::cost),
  always("limit_tokens", &budget_record::limit, &budget_limit::tokens),
  always("period", &budget_record::limit, &budget_limit::period),
  // The name is a word of SQL.
  always("\"window\"", &budget_record::window),
  always("spent_cost", &budget_record::spent, &budget_amount::cost),
  always("spent_tokens", &budget_record::spent, &budget_amount::tokens),
  always("reserved_cost", &budget_record::reserved, &budget_amount::cost),
  always("reserved_tokens", &budget_record::reserved, &budget_amount::tokens),
  always("updated_at", &budget_record::updated_at),
};

// -- values that are no plain column -----------------------------------------------

template <class Rows>
void take_value(Rows& row, std::vector<tool_call>& calls) {
  if (const auto document = row.take_view(); !document.empty())
    calls = tool_calls_from_document(document);
}

inline std::optional<std::string> to_stored(const std::vector<tool_call>& calls) {
  return calls.empty() ? std::nullopt : std::optional{to_document(calls)};
}

} // namespace troupe
