#include "persistence/records.hpp"

#include <array>

namespace troupe {
namespace {

/// The names of an enum in the order of its values.
template <class Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view text) noexcept {
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == text)
      return static_cast<Enum>(i);
  return std::nullopt;
}

template <class Enum, std::size_t N>
std::string_view name_of(const std::array<std::string_view, N>& names, Enum value) noexcept {
  const auto i = static_cast<std::size_t>(value);
  return i < N ? names[i] : std::string_view{};
}

constexpr std::array<std::string_view, 5> statuses{"PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"};
constexpr std::array<std::string_view, 5> error_classes{"transient", "throttled", "permanent", "cancelled",
                                                        "budget_exceeded"};
constexpr std::array<std::string_view, 3> budget_periods{"total", "month", "day"};
constexpr std::array<std::string_view, 3> model_kinds{"builtin", "openai", "anthropic"};
constexpr std::array<std::string_view, 3> tool_kinds{"builtin", "http", "mcp"};
constexpr std::array<std::string_view, 3> repeat_rules{"safe", "with_key", "never"};
constexpr std::array<std::string_view, 2> session_scopes{"task", "shared"};
constexpr std::array<std::string_view, 3> backoffs{"fixed", "linear", "exponential"};
constexpr std::array<std::string_view, 3> on_busy_rules{"enqueue", "reject", "interrupt"};
constexpr std::array<std::string_view, 7> outcomes{"running",  "completed", "failed", "cancelled",
                                                   "released", "lost",      "waiting"};
constexpr std::array<std::string_view, 2> wait_reasons{"", "approval"};
constexpr std::array<std::string_view, 4> approval_states{"pending", "approved", "rejected", "closed"};
constexpr std::array<std::string_view, 5> usage_groups{"bot", "model", "namespace", "created_by", "day"};
constexpr std::array<std::string_view, 3> roles{"user", "assistant", "tool"};
constexpr std::array<std::string_view, 3> healths{"alive", "draining", "lost"};
constexpr std::array<std::string_view, 18> event_types{
  "task:created",     "task:queued",  "task:started", "task:retrying",  "task:completed",     "task:failed",
  "task:cancelled",   "task:deleted", "chat:start",   "chat:chunk",     "chat:thinking",      "chat:tool_start",
  "chat:tool_result", "chat:done",    "chat:error",   "chat:cancelled", "approval:requested", "approval:decided"};

static_assert(static_cast<std::size_t>(task_status::cancelled) + 1 == statuses.size());
static_assert(static_cast<std::size_t>(error_class::budget_exceeded) + 1 == error_classes.size());
static_assert(static_cast<std::size_t>(budget_period::day) + 1 == budget_periods.size());
static_assert(static_cast<std::size_t>(model_kind::anthropic) + 1 == model_kinds.size());
static_assert(static_cast<std::size_t>(tool_kind::mcp) + 1 == tool_kinds.size());
static_assert(static_cast<std::size_t>(repeat_rule::never) + 1 == repeat_rules.size());
static_assert(static_cast<std::size_t>(session_scope::shared) + 1 == session_scopes.size());
static_assert(static_cast<std::size_t>(backoff_kind::exponential) + 1 == backoffs.size());
static_assert(static_cast<std::size_t>(on_busy_rule::interrupt) + 1 == on_busy_rules.size());
static_assert(static_cast<std::size_t>(attempt_outcome::waiting) + 1 == outcomes.size());
static_assert(static_cast<std::size_t>(wait_reason::approval) + 1 == wait_reasons.size());
static_assert(static_cast<std::size_t>(approval_state::closed) + 1 == approval_states.size());
static_assert(static_cast<std::size_t>(usage_group::day) + 1 == usage_groups.size());
static_assert(static_cast<std::size_t>(message_role::tool) + 1 == roles.size());
static_assert(static_cast<std::size_t>(node_health::lost) + 1 == healths.size());
static_assert(static_cast<std::size_t>(event_type::approval_decided) + 1 == event_types.size());

} // namespace

// -- names --------------------------------------------------------------------

std::string_view to_string(task_status status) noexcept {
  return name_of(statuses, status);
}

std::optional<task_status> parse_task_status(std::string_view text) noexcept {
  return find_name<task_status>(statuses, text);
}

std::string_view to_string(error_class c) noexcept {
  return name_of(error_classes, c);
}

std::optional<error_class> parse_error_class(std::string_view text) noexcept {
  return find_name<error_class>(error_classes, text);
}

std::string_view to_string(budget_period period) noexcept {
  return name_of(budget_periods, period);
}

std::optional<budget_period> parse_budget_period(std::string_view text) noexcept {
  return find_name<budget_period>(budget_periods, text);
}

std::string_view to_string(model_kind kind) noexcept {
  return name_of(model_kinds, kind);
}

std::optional<model_kind> parse_model_kind(std::string_view text) noexcept {
  return find_name<model_kind>(model_kinds, text);
}

std::string_view to_string(tool_kind kind) noexcept {
  return name_of(tool_kinds, kind);
}

std::optional<tool_kind> parse_tool_kind(std::string_view text) noexcept {
  return find_name<tool_kind>(tool_kinds, text);
}

std::string_view to_string(repeat_rule rule) noexcept {
  return name_of(repeat_rules, rule);
}

std::optional<repeat_rule> parse_repeat_rule(std::string_view text) noexcept {
  return find_name<repeat_rule>(repeat_rules, text);
}

std::string_view to_string(session_scope scope) noexcept {
  return name_of(session_scopes, scope);
}

std::optional<session_scope> parse_session_scope(std::string_view text) noexcept {
  return find_name<session_scope>(session_scopes, text);
}

std::string_view to_string(backoff_kind kind) noexcept {
  return name_of(backoffs, kind);
}

std::optional<backoff_kind> parse_backoff_kind(std::string_view text) noexcept {
  return find_name<backoff_kind>(backoffs, text);
}

std::string_view to_string(on_busy_rule rule) noexcept {
  return name_of(on_busy_rules, rule);
}

std::optional<on_busy_rule> parse_on_busy_rule(std::string_view text) noexcept {
  return find_name<on_busy_rule>(on_busy_rules, text);
}

std::string_view to_string(attempt_outcome outcome) noexcept {
  return name_of(outcomes, outcome);
}

std::optional<attempt_outcome> parse_attempt_outcome(std::string_view text) noexcept {
  return find_name<attempt_outcome>(outcomes, text);
}

std::string_view to_string(finish_reason reason) noexcept {
  constexpr std::array<std::string_view, 4> names{"stop", "length", "content_filter", "refusal"};
  return names[static_cast<std::size_t>(reason)];
}

std::string_view to_string(wait_reason reason) noexcept {
  return name_of(wait_reasons, reason);
}

std::string_view to_string(approval_state state) noexcept {
  return name_of(approval_states, state);
}

std::optional<approval_state> parse_approval_state(std::string_view text) noexcept {
  return find_name<approval_state>(approval_states, text);
}

std::string_view to_string(usage_group group) noexcept {
  return name_of(usage_groups, group);
}

std::optional<usage_group> parse_usage_group(std::string_view text) noexcept {
  return find_name<usage_group>(usage_groups, text);
}

std::string_view to_string(node_health health) noexcept {
  return name_of(healths, health);
}

std::string_view to_string(message_role role) noexcept {
  return name_of(roles, role);
}

std::optional<message_role> parse_message_role(std::string_view text) noexcept {
  return find_name<message_role>(roles, text);
}

std::string_view to_string(event_type type) noexcept {
  return name_of(event_types, type);
}

// -- transitions --------------------------------------------------------------

bool is_terminal(task_status status) noexcept {
  return status == task_status::completed || status == task_status::failed || status == task_status::cancelled;
}

bool may_become(task_status from, task_status to) noexcept {
  switch (from) {
  case task_status::pending:
    return to == task_status::running || to == task_status::cancelled || to == task_status::failed;
  case task_status::running: return is_terminal(to);
  case task_status::completed:
  case task_status::failed:
  case task_status::cancelled: return false;
  }
  return false;
}

bool is_terminal(event_type type) noexcept {
  return type == event_type::task_completed || type == event_type::task_failed || type == event_type::task_cancelled;
}

} // namespace troupe
