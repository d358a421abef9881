#include "persistence/sqlite/database.hpp"

#include "persistence/postgres/database.hpp"
#include "persistence/store.hpp"

#include <string_view>
#include <utility>

namespace troupe {
namespace {

constexpr std::string_view sqlite_scheme = "sqlite:";

/// A database of either kind.
struct opened_database {
  std::shared_ptr<database> store;
  migration_report migration;
};

template <class Opened>
store_result<opened_database> either(store_result<Opened> result) {
  if (auto* error = std::get_if<store_error>(&result))
    return std::move(*error);
  auto& opened = std::get<Opened>(result);
  return opened_database{std::move(opened.store), opened.migration};
}

store_result<opened_database> open_url(const std::string& url, const std::string& password_file) {
  if (is_postgres(url))
    return either(open_pg(url, password_file));
  if (!url.starts_with(sqlite_scheme))
    return store_error{errc::unavailable,
                       "The database address does not begin with a known scheme; write sqlite:<file>, as in "
                       "sqlite:./var/troupe.db, or postgres://<user>@<host>/<database>."};
  const auto file = url.substr(sqlite_scheme.size());
  if (file.empty())
    return store_error{errc::unavailable, "The database address names no file; write sqlite:<file>."};
  if (file == ":memory:")
    return store_error{errc::unavailable, "A database in memory would lose acknowledged tasks; write "
                                          "sqlite:<file>."};
  return either(open_sqlite(file));
}

} // namespace

store_result<std::shared_ptr<database>> open_database(const std::string& url, const std::string& password_file) {
  auto opened = open_url(url, password_file);
  if (auto* error = std::get_if<store_error>(&opened))
    return std::move(*error);
  return std::move(std::get<opened_database>(opened).store);
}

store_result<migration_report> migrate_database(const std::string& url, const std::string& password_file) {
  auto opened = open_url(url, password_file);
  if (auto* error = std::get_if<store_error>(&opened))
    return std::move(*error);
  return std::get<opened_database>(opened).migration;
}

} // namespace troupe
