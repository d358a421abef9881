#include "persistence/sqlite/statement.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>

namespace troupe {
namespace {

[[noreturn]] void fail(sqlite3* db, int code) {
  throw sqlite_failure::of(db, code);
}

/// What the system's own word says beyond SQLite's.
store_trouble trouble_of_system(int error) noexcept {
  switch (error) {
  case ENOSPC:
  case EDQUOT:
  case EFBIG: return store_trouble::disk_full;
  case EROFS: return store_trouble::read_only;
  default: return store_trouble::io_error;
  }
}

/// What the system said last of the log, else of the file. The connection does not keep
/// that of a commit (`sqlite3_system_errno`).
int last_system_error(sqlite3* db) noexcept {
  if (const int known = sqlite3_system_errno(db); known != 0)
    return known;
  for (const int which : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
    sqlite3_file* file = nullptr;
    int error = 0;
    if (sqlite3_file_control(db, "main", which, &file) == SQLITE_OK && file && file->pMethods
        && file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error) == SQLITE_OK && error != 0)
      return error;
  }
  return 0;
}

} // namespace

sqlite_failure sqlite_failure::of(sqlite3* db, int code) {
  if (!db)
    return {code, sqlite3_errstr(code)};
  // The system's error is kept for these alone; with others it is an old one.
  const auto primary = code & 0xff;
  const bool from_system = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
  // Its message first: asking further would replace it.
  const std::string message = sqlite3_errmsg(db);
  return {code, message, from_system ? last_system_error(db) : 0};
}

std::optional<store_trouble> sqlite_failure::trouble() const noexcept {
  switch (code & 0xff) {
  case SQLITE_FULL: return store_trouble::disk_full;
  case SQLITE_READONLY: return store_trouble::read_only;
  case SQLITE_BUSY:
  case SQLITE_PROTOCOL: return store_trouble::locked;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB: return store_trouble::damaged;
  case SQLITE_IOERR:
    if (code == SQLITE_IOERR_NOMEM)
      return std::nullopt;
    return trouble_of_system(system_error);
  case SQLITE_CANTOPEN: return trouble_of_system(system_error);
  default: return std::nullopt;
  }
}

// -- rows ---------------------------------------------------------------------

sqlite_rows::~sqlite_rows() {
  sqlite3_reset(statement_);
}

bool sqlite_rows::next() {
  column_ = 0;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW)
    return true;
  if (code == SQLITE_DONE)
    return false;
  fail(sqlite3_db_handle(statement_), code);
}

std::int64_t sqlite_rows::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view sqlite_rows::text(int column) const {
  const auto data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (!data)
    return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

uuid sqlite_rows::identifier(int column) const {
  uuid id;
  const auto data = sqlite3_column_blob(statement_, column);
  if (data && static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)) == id.bytes.size())
    std::memcpy(id.bytes.data(), data, id.bytes.size());
  return id;
}

bool sqlite_rows::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

// -- statement ----------------------------------------------------------------

sqlite_statement::sqlite_statement(sqlite3* db, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code
    = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  handle_.reset(statement);
  if (code != SQLITE_OK)
    fail(db, code);
}

void sqlite_statement::finalizer::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

void sqlite_statement::bind_integer(int index, std::int64_t value) {
  if (const int code = sqlite3_bind_int64(handle_.get(), index, value); code != SQLITE_OK)
    fail(sqlite3_db_handle(handle_.get()), code);
}

void sqlite_statement::bind_text(int index, std::string_view value, lifetime life) {
  // A null pointer would bind NULL, which an empty text is not.
  const auto data = value.data() ? value.data() : "";
  const auto destructor = life == lifetime::of_call ? SQLITE_STATIC : SQLITE_TRANSIENT;
  if (const int code = sqlite3_bind_text64(handle_.get(), index, data, value.size(), destructor, SQLITE_UTF8);
      code != SQLITE_OK)
    fail(sqlite3_db_handle(handle_.get()), code);
}

void sqlite_statement::bind_identifier(int index, const uuid& value, lifetime life) {
  const auto destructor = life == lifetime::of_call ? SQLITE_STATIC : SQLITE_TRANSIENT;
  if (const int code
      = sqlite3_bind_blob(handle_.get(), index, value.bytes.data(), static_cast<int>(value.bytes.size()), destructor);
      code != SQLITE_OK)
    fail(sqlite3_db_handle(handle_.get()), code);
}

void sqlite_statement::bind_null(int index) {
  if (const int code = sqlite3_bind_null(handle_.get(), index); code != SQLITE_OK)
    fail(sqlite3_db_handle(handle_.get()), code);
}

void sqlite_statement::run_to_end() {
  const auto statement = handle_.get();
  int code = sqlite3_step(statement);
  while (code == SQLITE_ROW)
    code = sqlite3_step(statement);
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement);
    return;
  }
  // The message goes with the reset, so it is taken first.
  const auto failure = sqlite_failure::of(sqlite3_db_handle(statement), code);
  sqlite3_reset(statement);
  throw failure;
}

} // namespace troupe
