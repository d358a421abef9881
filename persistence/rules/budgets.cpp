#include "persistence/rules/budgets.hpp"

#include "persistence/values/json_text.hpp"
#include "persistence/values/money.hpp"

namespace troupe {

namespace {

std::string money(std::int64_t cost) {
  std::string text;
  append_json_number(text, in_currency(cost));
  return text;
}

/// "the bot 'a' of namespace 'b'", from a scope.
std::string holder_of(std::string_view scope) {
  const auto colon = scope.find(':');
  const auto kind = scope.substr(0, colon);
  const auto name = scope.substr(colon + 1);
  return "the " + std::string{kind} + " '" + std::string{name} + "'";
}

std::string_view per(budget_period period) noexcept {
  switch (period) {
  case budget_period::total: return "";
  case budget_period::month: return " a month";
  case budget_period::day: return " a day";
  }
  return "";
}

/// What is wanted beside what is gone, against a limit, in words.
std::optional<std::string> refusal(const std::string& whose, const budget_limit& limit, const budget_amount& gone,
                                   const budget_amount& more) {
  const auto say = [&](const std::string& cap, const std::string& used, const std::string& wanted) {
    return "The budget of " + whose + " leaves no room: of " + cap + std::string{per(limit.period)} + ", " + used
           + " are spent or reserved, and the next call may take " + wanted + ".";
  };
  if (limit.cost && gone.cost + more.cost > *limit.cost)
    return say(money(*limit.cost), money(gone.cost), money(more.cost));
  if (limit.tokens && gone.tokens + more.tokens > *limit.tokens)
    return say(std::to_string(*limit.tokens) + " tokens", std::to_string(gone.tokens), std::to_string(more.tokens));
  return std::nullopt;
}

} // namespace

std::string bot_scope(std::string_view ns, std::string_view name) {
  return "bot:" + std::string{ns} + '/' + std::string{name};
}

std::string namespace_scope(std::string_view ns) {
  return "namespace:" + std::string{ns};
}

std::string window_of(budget_period period, timestamp at) {
  constexpr std::size_t month_length = 7;
  switch (period) {
  case budget_period::total: return {};
  case budget_period::month: return day_of(at).substr(0, month_length);
  case budget_period::day: return day_of(at);
  }
  return {};
}

void begin_window(budget_record& budget, timestamp at) {
  auto window = window_of(budget.limit.period, at);
  if (window == budget.window)
    return;
  budget.window = std::move(window);
  budget.spent = {};
}

budget_amount amount_of(const token_usage& usage) noexcept {
  return {usage.cost, usage.input_tokens + usage.output_tokens};
}

std::optional<std::string> refuse_budget(const budget_record& budget, const budget_amount& more) {
  auto gone = budget.spent;
  gone += budget.reserved;
  return refusal(holder_of(budget.scope), budget.limit, gone, more);
}

std::optional<std::string> refuse_task_budget(const budget_limit& limit, const budget_amount& used,
                                              const budget_amount& more) {
  return refusal("the task", limit, used, more);
}

} // namespace troupe
