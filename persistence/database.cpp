#include "persistence/sqlite_database.hpp"
#include "persistence/store.hpp"

#include <string_view>

namespace troupe {
namespace {

constexpr std::string_view sqlite_scheme = "sqlite:";

store_result<opened_sqlite> open_url(std::string_view url) {
  if (!url.starts_with(sqlite_scheme))
    return store_error{store_errc::unavailable, "The database address does not begin with a known scheme; write "
                                                "sqlite:<file>, as in sqlite:./var/troupe.db."};
  const auto file = url.substr(sqlite_scheme.size());
  if (file.empty())
    return store_error{store_errc::unavailable, "The database address names no file; write sqlite:<file>."};
  if (file == ":memory:")
    return store_error{store_errc::unavailable, "A database in memory would lose acknowledged tasks; write "
                                                "sqlite:<file>."};
  return open_sqlite(file);
}

} // namespace

store_result<std::shared_ptr<database>> open_database(const std::string& url) {
  auto opened = open_url(url);
  if (auto* error = std::get_if<store_error>(&opened))
    return std::move(*error);
  return std::move(std::get<opened_sqlite>(opened).store);
}

store_result<migration_report> migrate_database(const std::string& url) {
  auto opened = open_url(url);
  if (auto* error = std::get_if<store_error>(&opened))
    return std::move(*error);
  return std::get<opened_sqlite>(opened).migration;
}

} // namespace troupe
