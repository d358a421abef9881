#include "persistence/sqlite_connection.hpp"

#include "persistence/sqlite_statement.hpp"

#include <sqlite3.h>

#include <mutex>

namespace troupe {
namespace {

// A commit returns once the log is synced (FULL). The log is checkpointed at 16 MB,
// which keeps its files bounded, and erased pages are not overwritten with zeros
// (Debian's default), which would double the writes of a queue.
constexpr const char* writer_settings = "PRAGMA journal_mode=WAL;"
                                        "PRAGMA synchronous=FULL;"
                                        "PRAGMA foreign_keys=ON;"
                                        "PRAGMA wal_autocheckpoint=4000;"
                                        "PRAGMA journal_size_limit=33554432;"
                                        "PRAGMA cache_size=-8192;"
                                        "PRAGMA secure_delete=OFF;"
                                        "PRAGMA temp_store=MEMORY;";

constexpr const char* reader_settings = "PRAGMA query_only=ON;"
                                        "PRAGMA foreign_keys=ON;"
                                        "PRAGMA wal_autocheckpoint=0;"
                                        "PRAGMA cache_size=-2048;"
                                        "PRAGMA temp_store=MEMORY;";

constexpr int busy_timeout_ms = 5000;

} // namespace

void sqlite_connection::closer::operator()(sqlite3* db) const noexcept {
  sqlite3_close(db);
}

sqlite_connection::sqlite_connection(const std::filesystem::path& file, role r) {
  // Counting every allocation costs a lock each. It can be switched off only
  // before SQLite's first use; when that is past, nothing is lost but time.
  static std::once_flag configured;
  std::call_once(configured, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });

  // Each connection is used by one thread at a time, so it needs no mutex.
  const int flags
    = SQLITE_OPEN_NOMUTEX | (r == role::writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &db, flags, nullptr);
  handle_.reset(db);
  if (code != SQLITE_OK)
    throw sqlite_failure{code, db ? sqlite3_errmsg(db) : sqlite3_errstr(code)};
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(db, busy_timeout_ms);
  execute(r == role::writer ? writer_settings : reader_settings);
}

void sqlite_connection::execute(const char* sql) {
  if (const int code = sqlite3_exec(get(), sql, nullptr, nullptr, nullptr); code != SQLITE_OK)
    throw sqlite_failure{code, sqlite3_errmsg(get())};
}

std::int64_t sqlite_connection::number(const char* sql) {
  sqlite_statement statement{get(), sql};
  auto rows = statement.query();
  return rows.next() ? rows.take<std::int64_t>() : 0;
}

sqlite_transaction::sqlite_transaction(sqlite_connection& connection, const char* begin) : connection_{connection} {
  connection_.execute(begin);
}

sqlite_transaction::~sqlite_transaction() {
  // After some errors SQLite has rolled back by itself; then there is nothing to do.
  if (open_ && sqlite3_get_autocommit(connection_.get()) == 0)
    sqlite3_exec(connection_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void sqlite_transaction::commit() {
  connection_.execute("COMMIT");
  open_ = false;
}

} // namespace troupe
