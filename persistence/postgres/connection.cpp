#include "persistence/postgres/connection.hpp"

#include "persistence/postgres/demands.hpp"
#include "persistence/postgres/watchdog.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <netinet/in.h>
#include <postgresql/libpq-fe.h>
#include <pqxx/except.hxx>
#include <pqxx/nontransaction.hxx>
#include <sys/socket.h>
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
SELECT pid, backend_start, pg_is_in_recovery(), current_setting('transaction_read_only'),
       (SELECT oid FROM pg_database WHERE datname = current_database()),
       CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END,
       CASE WHEN current_setting('idle_session_timeout', true) <> '0'
         THEN set_config('idle_session_timeout', '0', false) END,
       CASE WHEN current_setting('transaction_timeout', true) <> '0'
         THEN set_config('transaction_timeout', '0', false) END)sql";
constexpr const char* own = " FROM pg_stat_activity WHERE pid = pg_backend_pid()";

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

/// As in `t5f3a91c0_`.
std::string make_prefix() {
  const auto id = make_uuid().to_string();
  return "t" + id.substr(id.size() - 8) + '_';
}

/// 26000: no such statement; 42P05: there is one of that name.
bool is_foreign_session(std::string_view state) noexcept {
  return state == "26000" || state == "42P05";
}

/// A pooler may send what only reads to a standby, which may lag (pgpool-II does by default, `load_balance_mode`). It
/// sends to the primary what is prepared in SQL, and several statements in one text: one more in front is enough.
bool is_for_any_server(std::string_view sql) noexcept {
  constexpr std::array<std::string_view, 3> reading{"SELECT ", "SHOW ", "WITH "};
  sql.remove_prefix(std::min(sql.find_first_not_of(" \n"), sql.size()));
  return std::any_of(reading.begin(), reading.end(), [&](auto word) { return sql.starts_with(word); });
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

/// What the user has said in `url`, by libpq's own names; nothing if libpq cannot read it, which it says when it
/// connects.
std::map<std::string, std::string, std::less<>> options_of(const std::string& url) {
  using parsed = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;
  const parsed options{PQconninfoParse(url.c_str(), nullptr), &PQconninfoFree};
  std::map<std::string, std::string, std::less<>> given;
  for (const auto* one = options.get(); one && one->keyword; ++one)
    if (one->val)
      given.emplace(one->keyword, one->val);
  return given;
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

pg_connection::pg_connection(const std::string& address, role r, pg_place* place)
  : place_{place}, prefix_{make_prefix()} {
  try {
    connection_ = std::make_unique<pqxx::connection>(address);
    // A connection that libpqxx has restored by itself would lack everything that is set here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    connection_->inhibit_reactivation(true);
#pragma GCC diagnostic pop
  } catch (const std::exception& e) {
    const auto said = one_line(e.what());
    // What a server says to whoever it turns away begins so, whatever its language.
    if (said.find("FATAL") != std::string::npos)
      throw pg_refused{said};
    throw pg_lost{said};
  }
  auto rows = set_up(r);
  if (rows.next()) {
    session_.pid = rows.take<int>();
    session_.started = rows.take<std::string>();
    session_.in_recovery = rows.take<bool>();
    session_.read_only = rows.take_view() == "on";
    session_.server.database = rows.take<std::int64_t>();
    session_.server.timeline = pg_identity::parse_timeline(rows.take_view());
    rows.take_view();
    rows.take_view();
    session_.server.system = rows.take<std::string>();
  }
}

pg_connection::~pg_connection() = default;

int pg_connection::local_port() const noexcept {
  sockaddr_storage here{};
  socklen_t size = sizeof here;
  if (::getsockname(connection_->sock(), reinterpret_cast<sockaddr*>(&here), &size) != 0)
    return 0;
  if (here.ss_family == AF_INET)
    return ntohs(reinterpret_cast<const sockaddr_in&>(here).sin_port);
  return here.ss_family == AF_INET6 ? ntohs(reinterpret_cast<const sockaddr_in6&>(here).sin6_port) : 0;
}

pg_rows pg_connection::set_up(role r) {
  // One round trip: a connection is wanted back as soon as there can be one.
  std::string sql{session_settings};
  if (r == role::reader)
    sql += "SET default_transaction_read_only = on;";
  sql += served_by_and_timeouts;
  try {
    return run(sql + ", (SELECT system_identifier FROM pg_control_system())" + own);
  } catch (const pg_failure&) {
    // Some encodings have no way to UTF-8 at all.
    auto rows = run("SELECT current_setting('server_encoding'), quote_ident(current_database())");
    rows.next();
    const auto encoding = rows.take<std::string>();
    if (const auto why = refuse_encoding(encoding, rows.take<std::string>()))
      throw pg_unsuitable{*why};
  }
  // Not every role may know which system it is.
  return run(sql + ", ''" + own);
}

pg_rows pg_connection::run(const std::string& sql) {
  const pg_watchdog::guard watched{connection_->sock(), place_};
  try {
    pqxx::nontransaction work{*connection_};
    return pg_rows{is_for_any_server(sql) ? work.exec("SELECT; " + sql) : work.exec(sql)};
  } catch (const pqxx::transaction_rollback& e) {
    // Serialization and deadlock, which libpqxx tells without their SQLSTATE.
    throw pg_conflict{first_line_of(e)};
  } catch (const pqxx::sql_error& e) {
    const auto& state = e.sqlstate();
    if (!connection_->is_open() || is_loss(state))
      throw pg_lost{said_by(e)};
    if (is_conflict(state))
      throw pg_conflict{said_by(e)};
    if (is_foreign_session(state))
      throw pg_failure{state, said_by(e)
                                + "; a pooler that pools transactions mixes this session with others: have it "
                                  "pool sessions (PgBouncer: pool_mode = session)"};
    throw pg_failure{state, said_by(e)};
  } catch (const pqxx::failure& e) {
    const auto said = one_line(e.what());
    if (connection_->is_open())
      throw pg_failure{"", said};
    // libpqxx asks for the encoding before it words the fault, and a connection that is gone has none.
    throw pg_lost{
      said.find("client encoding") == std::string::npos ? said : "the connection ended before the server answered"};
  }
}

const std::string& pg_connection::prepared(std::string_view sql) {
  if (const auto known = statements_.find(sql); known != statements_.end())
    return known->second;
  auto name = prefix_ + std::to_string(statements_.size());
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
  const auto given = options_of(url);
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
    if (!given.contains(key))
      add(key, value);
  // Of several hosts the one that can be written to, unless the user says otherwise.
  const auto hosts = given.find("host");
  if (hosts != given.end() && hosts->second.find(',') != std::string::npos && !given.contains("target_session_attrs"))
    add("target_session_attrs", "read-write");
  if (!password_file.empty())
    add("password", first_line(password_file));
  return result;
}

} // namespace troupe
