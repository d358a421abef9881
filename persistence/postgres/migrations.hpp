#pragma once

#include "persistence/postgres/connection.hpp"
#include "persistence/store.hpp"

/// The schema of the PostgreSQL store, in numbered steps.
namespace troupe {

/// The version this program writes.
int pg_schema_version() noexcept;

/// Brings the database to this program's schema; one node at a time does so, others
/// wait for it. Steps only add what an older program can leave alone, so that two
/// versions can run side by side while a cluster is upgraded. `schema_too_new` if
/// the schema is newer than the program.
store_result<migration_report> migrate_pg(pg_connection& connection);

} // namespace troupe
