#include "persistence/pg_budgets.hpp"

#include "persistence/rows/record_columns.hpp"
#include "persistence/rows/sql_text.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr std::string_view insert_budget
  = "INSERT INTO budgets(scope, limit_cost, limit_tokens, period, \"window\", spent_cost, spent_tokens, reserved_cost, "
    "reserved_tokens, updated_at) VALUES($1::text, $2::bigint, $3::bigint, $4::smallint, $5::text, $6::bigint, "
    "$7::bigint, $8::bigint, $9::bigint, $10::bigint)";

constexpr std::string_view change_budget = R"sql(
WITH met AS (
  UPDATE budgets SET rev = rev + 1, limit_cost = $2::bigint, limit_tokens = $3::bigint, period = $4::smallint,
    "window" = $5::text, spent_cost = $6::bigint, spent_tokens = $7::bigint, reserved_cost = $8::bigint,
    reserved_tokens = $9::bigint, updated_at = $10::bigint
  WHERE scope = $1::text AND rev = $11::bigint RETURNING 1)
SELECT expect((SELECT count(*) FROM met), 1))sql";

constexpr std::string_view delete_budget_row = R"sql(
WITH met AS (DELETE FROM budgets WHERE scope = $1::text AND rev = $2::bigint RETURNING 1)
SELECT expect((SELECT count(*) FROM met), 1))sql";

} // namespace

pg_budgets::staged& pg_budgets::row(const std::string& scope) {
  const auto [at, is_new] = rows_.try_emplace(scope);
  if (is_new) {
    static const std::string sql
      = "SELECT " + select_list<budget_record>() + ", rev FROM budgets WHERE scope = $1::text";
    auto rows = connection_->query(sql, scope);
    if (rows.next()) {
      at->second.budget = take_record<budget_record>(rows);
      at->second.rev = rows.take<std::int64_t>();
    }
  }
  return at->second;
}

std::optional<budget_record> pg_budgets::find(const std::string& scope) {
  return row(scope).budget;
}

void pg_budgets::put(const budget_record& budget) {
  auto& r = row(budget.scope);
  r.budget = budget;
  r.changed = true;
}

void pg_budgets::remove(const std::string& scope) {
  auto& r = row(scope);
  r.budget.reset();
  r.changed = true;
}

bool pg_budgets::is_dirty() const noexcept {
  return std::any_of(rows_.begin(), rows_.end(), [](const auto& entry) { return entry.second.changed; });
}

void pg_budgets::write(std::string& sql) {
  for (const auto& [scope, r] : rows_) {
    if (!r.changed || (!r.budget && !r.rev))
      continue;
    if (!r.budget) {
      connection_->append(sql, delete_budget_row, scope, *r.rev);
      continue;
    }
    const auto& b = *r.budget;
    if (r.rev)
      connection_->append(sql, change_budget, scope, b.limit.cost, b.limit.tokens, b.limit.period, b.window,
                          b.spent.cost, b.spent.tokens, b.reserved.cost, b.reserved.tokens, b.updated_at, *r.rev);
    else
      connection_->append(sql, insert_budget, scope, b.limit.cost, b.limit.tokens, b.limit.period, b.window,
                          b.spent.cost, b.spent.tokens, b.reserved.cost, b.reserved.tokens, b.updated_at);
  }
}

} // namespace troupe
