#pragma once

#include "persistence/rules/tables.hpp"
#include "persistence/sqlite/database.hpp"

/// The one node of an embedded database. Another process could not have opened the
/// file, so that nothing of this needs to be stored.
namespace troupe {

class sqlite_nodes final : public node_table {
public:
  explicit sqlite_nodes(sqlite_file& file) : file_{file} {}

  outcome renew(const renew_lease& op) override;
  outcome end(const end_lease& op) override;
  outcome announce(const announce_node& op) override;

private:
  sqlite_file& file_;
};

} // namespace troupe
