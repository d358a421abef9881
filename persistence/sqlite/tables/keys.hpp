#pragma once

#include "persistence/rules/tables.hpp"
#include "persistence/sqlite/connection.hpp"
#include "persistence/sqlite/statement.hpp"

#include <optional>
#include <string>

/// The table of idempotency keys in SQLite.
namespace troupe {

class sqlite_keys final : public key_table {
public:
  explicit sqlite_keys(sqlite_connection& connection);

  std::optional<seen> find(const std::string& key) override;
  void insert(const idempotency_key& key, const uuid& task_id, timestamp at) override;
  void forget(timestamp before) override;

private:
  sqlite_statement find_;
  sqlite_statement insert_;
  sqlite_statement forget_;
};

} // namespace troupe
