#pragma once

#include "persistence/postgres/failover/identity.hpp"
#include "persistence/postgres/text.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <pqxx/connection.hxx>
#include <pqxx/result.hxx>
#include <stdexcept>
#include <string>
#include <string_view>

/// A connection to PostgreSQL with the session settings that Troupe's promises rest
/// on, and its prepared statements. All SQL goes as text (PostgreSQL's simple query
/// protocol): several statements sent together are one round trip and one
/// transaction, which ends on the server without another word from here. So a
/// process that is frozen or cut off between two round trips holds no lock.
namespace troupe {

/// The connection is gone, or the server can serve nobody: worth connecting again.
/// What became of a transaction that was under way is unknown.
class pg_lost : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// What was read has changed meanwhile; nothing was written. Worth reading again.
class pg_conflict : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// The server answers and lets nobody in: it has no connection left, the password is wrong.
class pg_refused : public pg_lost {
public:
  using pg_lost::pg_lost;
};

/// The database is not one that can be used; says in whole sentences why, and what to do.
class pg_unsuitable : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// PostgreSQL refused a statement.
class pg_failure : public std::runtime_error {
public:
  pg_failure(const std::string& state, const std::string& message) : std::runtime_error{message}, sqlstate{state} {}

  /// The server itself is in trouble (disk full, out of memory): no operation will
  /// fare better than the one that failed.
  [[nodiscard]] bool concerns_all() const noexcept;
  /// The server's volume has no room: worth another try once it has.
  [[nodiscard]] bool is_full_disk() const noexcept { return sqlstate == "53100"; }

  std::string sqlstate;
};

/// The rows of a result, taken column by column.
class pg_rows {
public:
  explicit pg_rows(const pqxx::result& result) : result_{result} {}

  /// Moves to the next row; false behind the last one.
  bool next() {
    column_ = 0;
    return ++row_ < static_cast<long>(result_.size());
  }
  [[nodiscard]] std::size_t size() const { return result_.size(); }

  /// The next column of the row. NULL reads as zero, empty or nullopt.
  template <class T>
  T take() {
    if constexpr (std::same_as<T, bool>)
      return take_view() == "t";
    else if constexpr (std::integral<T> || std::is_enum_v<T>)
      return static_cast<T>(take_number());
    else if constexpr (std::same_as<T, timestamp>)
      return timestamp{std::chrono::microseconds{take_number()}};
    else if constexpr (std::same_as<T, uuid>)
      return uuid::parse(take_view()).value_or(uuid{});
    else if constexpr (std::same_as<T, std::string>)
      return std::string{take_view()};
    else {
      if (is_null()) {
        ++column_;
        return std::nullopt;
      }
      return take<typename T::value_type>();
    }
  }
  /// The next column's text, valid as long as these rows.
  std::string_view take_view();

private:
  [[nodiscard]] bool is_null() const;
  std::int64_t take_number();

  pqxx::result result_;
  long row_ = -1;
  int column_ = 0;
};

struct pg_place;

class pg_connection {
public:
  enum class role : std::uint8_t { writer, reader };

  /// Connects. Throws `pg_lost` if the server does not answer, `pg_failure` if it
  /// refuses, `pg_unsuitable` if text cannot be had as UTF-8. `address` is as `pg_address` makes it.
  /// `place` is told when the server keeps a call waiting; it may be null, and must outlive
  /// the connection.
  pg_connection(const std::string& address, role r, pg_place* place = nullptr);
  ~pg_connection();
  pg_connection(const pg_connection&) = delete;
  pg_connection& operator=(const pg_connection&) = delete;

  /// The server's process for this connection; the time tells it from a later one of
  /// the same number.
  struct session {
    int pid = 0;
    std::string started;
    /// The server is a standby.
    bool in_recovery = false;
    /// Transactions write nothing unless they ask to.
    bool read_only = false;
    pg_identity server{};
  };
  [[nodiscard]] const session& served_by() const noexcept { return session_; }
  /// The port at this end; 0 where it is none.
  [[nodiscard]] int local_port() const noexcept;

  /// Runs statements as one transaction; the result is the last one's.
  pg_rows run(const std::string& sql);

  /// The name of a statement, prepared at its first use. `sql` is a constant of the
  /// program: its parameters are `$1`…
  const std::string& prepared(std::string_view sql);

  /// Appends `EXECUTE …;` for a prepared statement.
  template <class... T>
  void append(std::string& text, std::string_view sql, const T&... values) {
    text += "EXECUTE ";
    text += prepared(sql);
    if constexpr (sizeof...(values) > 0) {
      char separator = '(';
      ((text += separator, append_pg_value(text, values), separator = ','), ...);
      text += ')';
    }
    text += ';';
  }

  template <class... T>
  pg_rows query(std::string_view sql, const T&... values) {
    std::string text;
    append(text, sql, values...);
    return run(text);
  }

private:
  /// Whose answer says where the session is.
  pg_rows set_up(role r);

  std::unique_ptr<pqxx::connection> connection_;
  session session_;
  pg_place* place_;
  std::map<std::string, std::string, std::less<>> statements_;
  /// What its statements' names begin with: nobody else's do, so that behind a pooler that mixes sessions no
  /// statement of another process is run in the place of one's own.
  std::string prefix_;
};

/// `url` with bounds on how long a dead server goes unnoticed, and with the password
/// in the first line of `password_file`, if that is named, in place of any other. Throws `std::runtime_error` if the
/// file cannot be read.
std::string pg_address(const std::string& url, const std::string& password_file);

} // namespace troupe
