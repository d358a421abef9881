#pragma once

#include "persistence/postgres/connection.hpp"
#include "persistence/rules/tables.hpp"

#include <map>
#include <optional>
#include <string>

/// Budgets in PostgreSQL, as a batch sees them. All nodes change these rows: as with
/// tasks, each change names the `rev` that was read, and the batch is void if it is
/// another one by then.
namespace troupe {

class pg_budgets final : public budget_table {
public:
  void use(pg_connection& connection) noexcept { connection_ = &connection; }

  std::optional<budget_record> find(const std::string& scope) override;
  void put(const budget_record& budget) override;
  void remove(const std::string& scope) override;

  // -- the batch --------------------------------------------------------------------

  void begin() { rows_.clear(); }
  [[nodiscard]] bool is_dirty() const noexcept;
  void write(std::string& sql);

private:
  struct staged {
    std::optional<budget_record> budget;
    /// As it is stored; none if it is not.
    std::optional<std::int64_t> rev;
    bool changed = false;
  };

  staged& row(const std::string& scope);

  pg_connection* connection_ = nullptr;
  std::map<std::string, staged> rows_;
};

} // namespace troupe
