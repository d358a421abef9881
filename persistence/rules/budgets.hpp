#pragma once

#include "persistence/records.hpp"

#include <optional>
#include <string>
#include <string_view>

/// Decisions about budgets. Pure: the time is passed in.
namespace troupe {

/// `bot:<ns>/<name>`.
std::string bot_scope(std::string_view ns, std::string_view name);
/// `namespace:<ns>`.
std::string namespace_scope(std::string_view ns);

/// The month or the day of `at` in UTC, as far as the period goes.
std::string window_of(budget_period period, timestamp at);

/// Forgets what was spent in an earlier window.
void begin_window(budget_record& budget, timestamp at);

budget_amount amount_of(const token_usage& usage) noexcept;

/// Why there is no room for `more` beside what is spent and reserved; nothing if there is.
std::optional<std::string> refuse_budget(const budget_record& budget, const budget_amount& more);

/// The same for the budget of a single task, which has used so much.
std::optional<std::string> refuse_task_budget(const budget_limit& limit, const budget_amount& used,
                                              const budget_amount& more);

} // namespace troupe
