#include "persistence/sqlite_statement.hpp"

#include <sqlite3.h>

#include <cstring>

namespace troupe {
namespace {

[[noreturn]] void fail(sqlite3* db, int code) {
  throw sqlite_failure{code, db ? sqlite3_errmsg(db) : sqlite3_errstr(code)};
}

} // namespace

bool sqlite_failure::concerns_all() const noexcept {
  switch (code & 0xff) {
  case SQLITE_FULL:
  case SQLITE_IOERR:
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
  case SQLITE_READONLY:
  case SQLITE_CANTOPEN:
  case SQLITE_BUSY:
  case SQLITE_NOMEM: return true;
  default: return false;
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
  const sqlite_failure failure{code, sqlite3_errmsg(sqlite3_db_handle(statement))};
  sqlite3_reset(statement);
  throw failure;
}

} // namespace troupe
