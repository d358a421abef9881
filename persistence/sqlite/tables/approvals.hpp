#pragma once

#include "persistence/rules/tables.hpp"
#include "persistence/sqlite/connection.hpp"
#include "persistence/sqlite/statement.hpp"

#include <optional>
#include <string_view>

/// The table of approvals in SQLite.
namespace troupe {

class sqlite_approvals final : public approval_table {
public:
  explicit sqlite_approvals(sqlite_connection& connection);

  std::optional<approval_record> find(const uuid& task_id, std::string_view call_id) override;
  void put(const approval_record& approval) override;
  std::optional<timestamp> first_deadline(const uuid& task_id) override;
  void close(const uuid& task_id, timestamp at) override;

private:
  sqlite_statement find_;
  sqlite_statement put_;
  sqlite_statement first_deadline_;
  sqlite_statement close_;
};

} // namespace troupe
