#include "persistence/postgres/connection.hpp"

#include "persistence/postgres/demands.hpp"
#include "persistence/postgres/watchdog.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <pqxx/except.hxx>
#include <pqxx/nontransaction.hxx>
#include <utility>

namespace troupe {

namespace {

/// Raised by `troupe.expect` when rows are not as they were read.
constexpr std::string_view changed_meanwhile = "TR409";

// Whatever the server, the database or the role is set to, it must make no difference here. Times of the server go
// through text once (backend_start), so that text has to mean the same to everybody. A plan is made once, before the
// tables have their size: whatever they hold later, rows are to be found by index.
constexpr const char* session_settings = R"sql(
SET standard_conforming_strings = on;
SET client_encoding = 'UTF8';
SET search_path = troupe;
SET DateStyle = 'ISO, MDY';
SET TimeZone = 'UTC';
SET default_transaction_isolation = 'read committed';
SET statement_timeout = '10s';
SET lock_timeout = '5s';
SET idle_in_transaction_session_timeout = '10s';
SET plan_cache_mode = force_generic_plan;
SET jit = off;
SET enable_seqscan = off;
SET enable_mergejoin = off;
SET enable_hashjoin = off;
)sql";

// Not every version knows the last two settings, which would end a session of ours that is merely quiet, or long.
constexpr const char* served_by_and_timeouts = R"sql(
SELECT pid, backend_start,
       CASE WHEN current_setting('idle_session_timeout', true) <> '0'
         THEN set_config('idle_session_timeout', '0', false) END,
       CASE WHEN current_setting('transaction_timeout', true) <> '0'
         THEN set_config('transaction_timeout', '0', false) END
FROM pg_stat_activity WHERE pid = pg_backend_pid()
)sql";

/// States (SQLSTATE) that only another connection can cure.
bool is_loss(std::string_view state) noexcept {
  // 08: connection trouble; 57P0x: the server stops or starts; 25006: it has become a standby.
  return state.starts_with("08") || state.starts_with("57P0") || state == "25006";
}

bool is_conflict(std::string_view state) noexcept {
  // Serialization, deadlock, a key that somebody else has stored first, and a wait that took too long: on a lock, or in
  // all, as on a stalled disk.
  return state == changed_meanwhile || state == "40001" || state == "40P01" || state == "23505" || state == "55P03"
         || state == "57014";
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && (text.back() == ' ' || text.back() == '.'))
    text.pop_back();
  return text;
}

std::string first_line_of(const std::exception& refusal) {
  const std::string said = refusal.what();
  return one_line(said.substr(0, said.find('\n')));
}

/// What a refusal says, without what cites the data: details and context stand on lines of
/// their own, and of wrong data (class 22) the first line cites it too.
std::string said_by(const pqxx::sql_error& refusal) {
  const std::string_view state = refusal.sqlstate();
  if (state.starts_with("22"))
    return "ERROR: wrong data (SQLSTATE " + std::string{state} + ")";
  return first_line_of(refusal);
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    result += '%';
    result += digits[byte >> 4U];
    result += digits[byte & 15U];
  }
  return result;
}

std::string quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\')
      result += '\\';
    result += c;
  }
  return result + "'";
}

/// True if `url` gives `key` a value.
bool names(std::string_view url, std::string_view key) {
  for (auto at = url.find(key); at != std::string_view::npos; at = url.find(key, at + 1)) {
    const bool begins = at == 0 || std::string_view{" ?&"}.find(url[at - 1]) != std::string_view::npos;
    const auto end = url.find_first_not_of(' ', at + key.size());
    if (begins && end != std::string_view::npos && url[end] == '=')
      return true;
  }
  return false;
}

std::string first_line(const std::string& file) {
  std::ifstream in{file};
  std::string line;
  if (!std::getline(in, line))
    throw std::runtime_error{"the password file " + file + " cannot be read or is empty"};
  if (!line.empty() && line.back() == '\r')
    line.pop_back();
  return line;
}

} // namespace

bool pg_failure::concerns_all() const noexcept {
  // 53: out of disk, memory or connections; 58: the operating system; XX: damage.
  return sqlstate.starts_with("53") || sqlstate.starts_with("58") || sqlstate.starts_with("XX");
}

// -- rows -----------------------------------------------------------------------

bool pg_rows::is_null() const {
  return result_[static_cast<pqxx::result_size_type>(row_)][column_].is_null();
}

std::string_view pg_rows::take_view() {
  const auto field = result_[static_cast<pqxx::result_size_type>(row_)][column_++];
  return {field.c_str(), field.size()};
}

std::int64_t pg_rows::take_number() {
  const auto text = take_view();
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// -- the connection -------------------------------------------------------------

pg_connection::pg_connection(const std::string& address, role r, pg_place* place) : place_{place} {
  try {
    connection_ = std::make_unique<pqxx::connection>(address);
    // A connection that libpqxx has restored by itself would lack everything that is set here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    connection_->inhibit_reactivation(true);
#pragma GCC diagnostic pop
  } catch (const std::exception& e) {
    throw pg_lost{one_line(e.what())};
  }
  set_up();
  auto rows = run(served_by_and_timeouts);
  if (rows.next())
    session_ = {rows.take<int>(), rows.take<std::string>()};
  if (r == role::reader)
    run("SET default_transaction_read_only = on");
}

pg_connection::~pg_connection() = default;

void pg_connection::set_up() {
  try {
    run(session_settings);
  } catch (const pg_failure&) {
    // Some encodings have no way to UTF-8 at all.
    auto rows = run("SELECT current_setting('server_encoding'), quote_ident(current_database())");
    rows.next();
    const auto encoding = rows.take<std::string>();
    if (const auto why = refuse_encoding(encoding, rows.take<std::string>()))
      throw pg_unsuitable{*why};
    throw;
  }
}

pg_rows pg_connection::run(const std::string& sql) {
  auto rows = run_watched(sql);
  if (place_)
    place_->answers();
  return rows;
}

pg_rows pg_connection::run_watched(const std::string& sql) {
  const pg_watchdog::guard watched{connection_->sock(), place_};
  try {
    pqxx::nontransaction work{*connection_};
    return pg_rows{work.exec(sql)};
  } catch (const pqxx::transaction_rollback& e) {
    // Serialization and deadlock, which libpqxx tells without their SQLSTATE.
    throw pg_conflict{first_line_of(e)};
  } catch (const pqxx::sql_error& e) {
    const auto& state = e.sqlstate();
    if (!connection_->is_open() || is_loss(state))
      throw pg_lost{said_by(e)};
    if (is_conflict(state))
      throw pg_conflict{said_by(e)};
    throw pg_failure{state, said_by(e)};
  } catch (const pqxx::failure& e) {
    if (!connection_->is_open())
      throw pg_lost{one_line(e.what())};
    throw pg_failure{"", one_line(e.what())};
  }
}

const std::string& pg_connection::prepared(std::string_view sql) {
  if (const auto known = statements_.find(sql); known != statements_.end())
    return known->second;
  auto name = "s" + std::to_string(statements_.size());
  std::string text{"PREPARE " + name + " AS "};
  text += sql;
  run(text);
  return statements_.emplace(std::string{sql}, std::move(name)).first->second;
}

// -- addresses ------------------------------------------------------------------

std::string pg_address(const std::string& url, const std::string& password_file) {
  // A server that vanished without a word is noticed within about five seconds.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> bounds{{{"connect_timeout", "3"},
                                                                                 {"tcp_user_timeout", "5000"},
                                                                                 {"keepalives_idle", "2"},
                                                                                 {"keepalives_interval", "1"},
                                                                                 {"keepalives_count", "3"},
                                                                                 {"application_name", "troupe"}}};
  const bool is_uri = url.starts_with("postgres://") || url.starts_with("postgresql://");
  auto result = url;
  char separator = url.find('?') == std::string::npos ? '?' : '&';
  const auto add = [&](std::string_view key, std::string_view value) {
    if (is_uri)
      result.append(1, separator).append(key).append("=").append(percent_encoded(value));
    else
      result.append(" ").append(key).append("=").append(quoted(value));
    separator = '&';
  };
  // What the user has set stays; the last of two counts, so the password of the file goes behind any other.
  for (const auto& [key, value] : bounds)
    if (!names(url, key))
      add(key, value);
  if (!password_file.empty())
    add("password", first_line(password_file));
  return result;
}

} // namespace troupe
