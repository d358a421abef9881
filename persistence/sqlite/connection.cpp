#include "persistence/sqlite/connection.hpp"

#include "persistence/sqlite/statement.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <system_error>

namespace troupe {
namespace {

// A commit returns once the log is synced (FULL). Erased pages are not overwritten with
// zeros (Debian's default), which would double the writes of a queue.
constexpr const char* writer_settings = "PRAGMA journal_mode=WAL;"
                                        "PRAGMA synchronous=FULL;"
                                        "PRAGMA foreign_keys=ON;"
                                        "PRAGMA cache_size=-8192;"
                                        "PRAGMA secure_delete=OFF;"
                                        "PRAGMA temp_store=MEMORY;";

constexpr const char* reader_settings = "PRAGMA query_only=ON;"
                                        "PRAGMA foreign_keys=ON;"
                                        "PRAGMA wal_autocheckpoint=0;"
                                        "PRAGMA cache_size=-2048;"
                                        "PRAGMA temp_store=MEMORY;";

/// Of files that this program makes.
constexpr int page_bytes = 4096;
constexpr int most_log_pages = 4000;
constexpr int fewest_log_pages = 32;

/// The log is moved to the file when it has so many pages, and is cut to twice that
/// when it starts over, which keeps it bounded.
std::string log_settings(const std::filesystem::path& file) {
  std::error_code unknown;
  const auto volume = std::filesystem::space(file.parent_path(), unknown);
  const auto pages = unknown ? most_log_pages : log_pages_on(volume.capacity);
  return "PRAGMA wal_autocheckpoint=" + std::to_string(pages)
         + ";PRAGMA journal_size_limit=" + std::to_string(2 * pages * page_bytes);
}

} // namespace

int log_pages_on(std::uintmax_t bytes) noexcept {
  const auto share = bytes / 16 / page_bytes;
  return static_cast<int>(std::clamp<std::uintmax_t>(share, fewest_log_pages, most_log_pages));
}

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
    throw sqlite_failure::of(db, code);
  sqlite3_extended_result_codes(db, 1);
  wait_for_locks(lock_patience);
  execute(r == role::writer ? writer_settings : reader_settings);
  if (r == role::writer)
    execute(log_settings(file).c_str());
}

void sqlite_connection::execute(const char* sql) {
  if (const int code = sqlite3_exec(get(), sql, nullptr, nullptr, nullptr); code != SQLITE_OK)
    throw sqlite_failure::of(get(), code);
}

bool sqlite_connection::empty_log() noexcept {
  return sqlite3_wal_checkpoint_v2(get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr) == SQLITE_OK;
}

void sqlite_connection::wait_for_locks(std::chrono::milliseconds limit) noexcept {
  sqlite3_busy_timeout(get(), static_cast<int>(limit.count()));
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
