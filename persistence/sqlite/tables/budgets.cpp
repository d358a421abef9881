#include "persistence/sqlite/tables/budgets.hpp"

#include "persistence/rows/record_columns.hpp"
#include "persistence/rows/sql_text.hpp"

namespace troupe {

sqlite_budgets::sqlite_budgets(sqlite_connection& connection)
  : find_{connection.get(), "SELECT " + select_list<budget_record>() + " FROM budgets WHERE scope = ?"},
    put_{connection.get(), insert_statement("budgets", texts_of(columns<budget_record>), "INSERT OR REPLACE")},
    remove_{connection.get(), "DELETE FROM budgets WHERE scope = ?"} {}

std::optional<budget_record> sqlite_budgets::find(const std::string& scope) {
  auto rows = find_.query(scope);
  return rows.next() ? std::optional{take_record<budget_record>(rows)} : std::nullopt;
}

void sqlite_budgets::put(const budget_record& budget) {
  put_.run_each([&](auto put) { each_inserted(columns<budget_record>, budget, put); });
}

void sqlite_budgets::remove(const std::string& scope) {
  remove_.run(scope);
}

} // namespace troupe
