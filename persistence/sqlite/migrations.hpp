#pragma once

#include "persistence/sqlite/connection.hpp"
#include "persistence/store.hpp"

#include <filesystem>

/// The schema of the SQLite store, as numbered steps. The number reached stands in
/// the file (`PRAGMA user_version`); a step, once released, is never changed.
namespace troupe {

/// The schema this program reads and writes.
int sqlite_schema_version() noexcept;

/// Applies the steps that `connection`'s file lacks, all in one transaction.
/// Refuses a newer schema (`schema_too_new`) and a file that holds something
/// else (`unavailable`). `file` is for the sentences. Throws `sqlite_failure`.
store_result<migration_report> migrate_sqlite(sqlite_connection& connection, const std::filesystem::path& file);

} // namespace troupe
