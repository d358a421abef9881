#pragma once

#include "persistence/operations.hpp"
#include "persistence/sqlite_connection.hpp"
#include "persistence/sqlite_statement.hpp"

#include <optional>
#include <string>

/// Idempotency keys: which request each one stood for, and the task it made or
/// changed.
namespace troupe {

class sqlite_keys {
public:
  explicit sqlite_keys(sqlite_connection& connection);

  struct seen {
    std::string fingerprint;
    uuid task_id;
  };
  std::optional<seen> find(const std::string& key);
  void insert(const idempotency_key& key, const uuid& task_id, timestamp at);
  /// Forgets those stored before `before`.
  void forget(timestamp before);

private:
  sqlite_statement find_;
  sqlite_statement insert_;
  sqlite_statement forget_;
};

} // namespace troupe
