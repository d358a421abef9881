#include "persistence/rules/budgets.hpp"
#include "persistence/rules/rules.hpp"

#include <string>
#include <utility>

/// What may be used. A call reserves before it is made, so that tasks side by side do not
/// use the same room twice; the end of the attempt settles with what was used in truth.
namespace troupe {

std::vector<budget_record> store_rules::budgets_of(const open_task& task, timestamp at) {
  std::vector<budget_record> found;
  const auto look = [&](const std::string& scope) {
    if (auto budget = budgets_.find(scope)) {
      begin_window(*budget, at);
      found.push_back(std::move(*budget));
    }
  };
  if (const auto& bot = catalog_.find(task.bot_ns, task.bot).bot)
    look(bot_scope(bot->ns, bot->name));
  look(namespace_scope(task.source->ns));
  return found;
}

outcome store_rules::run(const reserve_budget& op) {
  const auto task = load_fenced(op.fence);
  if (!task)
    return stale(op.fence);
  auto wanted = op.used;
  wanted += op.wanted;
  auto more = wanted;
  more -= task->entry->reserved;
  auto budgets = budgets_of(*task, op.at);
  for (const auto& budget : budgets)
    if (auto refusal = refuse_budget(budget, more))
      return budget_answer{false, std::move(*refusal)};
  for (auto& budget : budgets) {
    budget.reserved += more;
    budgets_.put(budget);
  }
  if (!budgets.empty())
    queue_.reserve(op.fence.task_id, wanted);
  return budget_answer{};
}

void store_rules::settle_budgets(const open_task& task, const token_usage& usage, timestamp at) {
  for (auto& budget : budgets_of(task, at)) {
    budget.reserved -= task.entry->reserved;
    budget.spent += amount_of(usage);
    budgets_.put(budget);
  }
}

// -- setting them -----------------------------------------------------------------

bool store_rules::set_budget(const std::string& scope, const std::optional<budget_limit>& limit, timestamp at) {
  auto budget = budgets_.find(scope);
  if (!limit) {
    if (budget)
      budgets_.remove(scope);
    return budget.has_value();
  }
  const bool known = budget.has_value();
  if (!known)
    budget.emplace().scope = scope;
  // What was spent in another kind of period says nothing about this one.
  if (budget->limit.period != limit->period)
    budget->spent = {};
  budget->limit = *limit;
  budget->updated_at = at;
  begin_window(*budget, at);
  budgets_.put(*budget);
  return known;
}

outcome store_rules::run(const put_bot& op) {
  set_budget(bot_scope(op.bot.ns, op.bot.name), op.bot.budget, op.at);
  return catalog_.put(op);
}

outcome store_rules::run(const delete_bot& op) {
  auto result = catalog_.remove(op);
  if (std::holds_alternative<done>(result))
    set_budget(bot_scope(op.ns, op.name), std::nullopt, {});
  return result;
}

outcome store_rules::run(const put_budget& op) {
  const auto scope = namespace_scope(op.ns);
  const bool known = set_budget(scope, op.limit, op.at);
  catalog_.budgets_changed();
  return budget_result{*budgets_.find(scope), !known};
}

outcome store_rules::run(const delete_budget& op) {
  if (!set_budget(namespace_scope(op.ns), std::nullopt, {}))
    return store_error{errc::not_found, "The namespace '" + op.ns + "' has no budget."};
  catalog_.budgets_changed();
  return done{};
}

} // namespace troupe
