#include "persistence/postgres/tables/budgets.hpp"

#include "persistence/postgres/row_sql.hpp"
#include "persistence/rows/record_columns.hpp"

#include <algorithm>
#include <cstdint>

namespace troupe {

namespace {

const std::string& insert_budgets() {
  static const std::string sql = pg_insert_rows({"budgets", texts_of(columns<budget_record>)});
  return sql;
}

const std::string& change_budgets() {
  static const std::string sql = pg_change_rows({"budgets", texts_of(columns<budget_record>)},
                                                beside<std::string>("scope"), sql_type<std::int64_t>());
  return sql;
}

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
  pg_columns added{count_inserted(columns<budget_record>)};
  pg_columns changed{2 + count_changed(columns<budget_record>)};
  for (const auto& [scope, r] : rows_) {
    if (!r.changed)
      continue;
    if (r.budget && r.rev)
      changed.add_row([&scope = scope, &r = r](auto put) {
        put(scope);
        put(*r.rev);
        each_changed(columns<budget_record>, *r.budget, put);
      });
    else if (r.budget)
      added.add_row([&r = r](auto put) { each_inserted(columns<budget_record>, *r.budget, put); });
    else if (r.rev)
      connection_->append(sql, delete_budget_row, scope, *r.rev);
  }
  if (changed.rows() > 0)
    changed.write(sql, connection_->prepared(change_budgets()), true);
  if (added.rows() > 0)
    added.write(sql, connection_->prepared(insert_budgets()), false);
}

} // namespace troupe
