#include "persistence/sqlite_budgets.hpp"

#include "persistence/sqlite_records.hpp"

namespace troupe {

sqlite_budgets::sqlite_budgets(sqlite_connection& connection)
  : find_{connection.get(), std::string{"SELECT "} + budget_columns + " FROM budgets WHERE scope = ?"},
    put_{connection.get(),
         std::string{"INSERT OR REPLACE INTO budgets("} + budget_columns + ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    remove_{connection.get(), "DELETE FROM budgets WHERE scope = ?"} {}

std::optional<budget_record> sqlite_budgets::find(const std::string& scope) {
  auto rows = find_.query(scope);
  return rows.next() ? std::optional{take_budget(rows)} : std::nullopt;
}

void sqlite_budgets::put(const budget_record& b) {
  put_.run(b.scope, b.limit.cost, b.limit.tokens, b.limit.period, b.window, b.spent.cost, b.spent.tokens,
           b.reserved.cost, b.reserved.tokens, b.updated_at);
}

void sqlite_budgets::remove(const std::string& scope) {
  remove_.run(scope);
}

} // namespace troupe
