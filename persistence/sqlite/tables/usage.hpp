#pragma once

#include "persistence/rules/usage_sums.hpp"
#include "persistence/sqlite/connection.hpp"
#include "persistence/sqlite/statement.hpp"

#include <utility>

/// The table of usage in SQLite. What a batch adds is summed up first: it is a row or
/// two, however many tasks have ended.
namespace troupe {

class sqlite_usage final : public usage_table {
public:
  explicit sqlite_usage(sqlite_connection& connection);

  void add(usage_key key, const token_usage& usage) override { sums_.add(std::move(key), usage); }

  // -- the batch ----------------------------------------------------------------

  void begin() { sums_.clear(); }
  void write();

private:
  usage_sums sums_;
  sqlite_statement add_;
};

} // namespace troupe
