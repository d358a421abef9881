#pragma once

#include "persistence/rules/tables.hpp"
#include "persistence/sqlite/connection.hpp"
#include "persistence/sqlite/statement.hpp"

#include <optional>
#include <string>

/// The table of budgets in SQLite.
namespace troupe {

class sqlite_budgets final : public budget_table {
public:
  explicit sqlite_budgets(sqlite_connection& connection);

  std::optional<budget_record> find(const std::string& scope) override;
  void put(const budget_record& budget) override;
  void remove(const std::string& scope) override;

private:
  sqlite_statement find_;
  sqlite_statement put_;
  sqlite_statement remove_;
};

} // namespace troupe
