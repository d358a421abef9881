#pragma once

#include "persistence/store.hpp"

#include <optional>

/// The name under which a database is used. SQLite keeps the log beside the name by which
/// a file was opened, so a file with several names (hard links) has several places for
/// one, and to open it under another name than the one it was killed under would lose
/// what was acknowledged last.
namespace troupe {

struct sqlite_file;

/// Why `file`, just opened and locked, is not to be used by the name that was given: a
/// log with commits lies beside another one. Throws `sqlite_failure`.
std::optional<store_error> check_name(sqlite_file& file);

/// Keeps the name in the file itself, where `check_name` finds it, also under another.
void note_name(sqlite_file& file) noexcept;

} // namespace troupe
