#include "persistence/sqlite/names.hpp"

#include "persistence/logging/say.hpp"
#include "persistence/sqlite/database.hpp"
#include "persistence/sqlite/statement.hpp"

#include <filesystem>
#include <string>
#include <system_error>

namespace troupe {
namespace {

/// Empty if the file is new, or was used last by a version that did not keep it.
std::string noted_name(sqlite_connection& connection) {
  if (connection.number("SELECT count(*) FROM sqlite_schema WHERE name = 'meta'") == 0)
    return {};
  sqlite_statement find{connection.get(), "SELECT value FROM meta WHERE name = 'file'"};
  auto rows = find.query();
  return rows.next() ? rows.take<std::string>() : std::string{};
}

bool has_commits(const std::filesystem::path& log) {
  std::error_code missing;
  const auto size = std::filesystem::file_size(log, missing);
  return !missing && size > 0;
}

} // namespace

std::optional<store_error> check_name(sqlite_file& file) {
  if (file.lock.names() < 2)
    return std::nullopt;
  const auto name = noted_name(file.writing);
  if (name.empty() || name == file.path || !file.lock.is_also(name) || !has_commits(name + "-wal"))
    return std::nullopt;
  return store_error{errc::unavailable,
                     "The database " + file.path.string() + " is the same file as " + name
                       + ", by which it was used last, and " + name
                       + "-wal holds commits that would be lost. Start with that name, and use no hard links."};
}

void note_name(sqlite_file& file) noexcept {
  try {
    if (noted_name(file.writing) == file.path)
      return;
    sqlite_statement note{file.writing.get(), "INSERT INTO meta(name, value) VALUES('file', ?) "
                                              "ON CONFLICT(name) DO UPDATE SET value = excluded.value"};
    note.run(file.path.string());
    // It has to be in the file, not in the log that belongs to the name.
    file.writing.empty_log();
  } catch (const std::exception& e) {
    say::warn("the database {} does not keep its name: {}", file.path.string(), e.what());
  }
}

} // namespace troupe
