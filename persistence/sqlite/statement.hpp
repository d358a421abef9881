#pragma once

#include "persistence/store.hpp"
#include "persistence/values/time.hpp"
#include "persistence/values/uuid.hpp"

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

struct sqlite3;
struct sqlite3_stmt;

/// Prepared statements of SQLite with typed parameters and columns. A failure is
/// a `sqlite_failure`, which the store's public faces turn into a `store_error`.
namespace troupe {

/// What SQLite refused: the extended result code, the error of the system behind it if
/// there is one (errno), and a message.
class sqlite_failure : public std::runtime_error {
public:
  sqlite_failure(int result_code, const std::string& message, int system_code = 0)
    : std::runtime_error{message}, code{result_code}, system_error{system_code} {}

  /// What `db` said last; without one, what the code means.
  static sqlite_failure of(sqlite3* db, int code);

  /// What is wrong if it is the file itself that is in trouble: no operation will fare
  /// better than the one that failed, and the same one may go through later.
  [[nodiscard]] std::optional<store_trouble> trouble() const noexcept;

  int code;
  int system_error;
};

/// The current row of a running query. Columns are taken from left to right.
class sqlite_rows {
public:
  explicit sqlite_rows(sqlite3_stmt* statement) : statement_{statement} {}
  ~sqlite_rows();
  sqlite_rows(const sqlite_rows&) = delete;
  sqlite_rows& operator=(const sqlite_rows&) = delete;

  /// Moves to the next row; false behind the last one.
  bool next();

  /// The next column of the row. NULL reads as zero, empty or nullopt.
  template <class T>
  T take() {
    const int column = column_++;
    if constexpr (std::same_as<T, bool>)
      return integer(column) != 0;
    else if constexpr (std::integral<T> || std::is_enum_v<T>)
      return static_cast<T>(integer(column));
    else if constexpr (std::same_as<T, timestamp>)
      return timestamp{std::chrono::microseconds{integer(column)}};
    else if constexpr (std::same_as<T, uuid>)
      return identifier(column);
    else if constexpr (std::same_as<T, std::string>)
      return std::string{text(column)};
    else
      return take_optional<typename T::value_type>(column);
  }

  /// As `take<std::string>`, without the copy; valid until the next row.
  std::string_view take_view() { return text(column_++); }

private:
  template <class T>
  std::optional<T> take_optional(int column) {
    if (is_null(column))
      return std::nullopt;
    --column_;
    return take<T>();
  }

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] uuid identifier(int column) const;
  [[nodiscard]] bool is_null(int column) const;

  sqlite3_stmt* statement_;
  int column_ = 0;
};

/// A statement prepared once and run many times.
class sqlite_statement {
public:
  sqlite_statement(sqlite3* db, std::string_view sql);

  /// Runs it to its end with the given parameters; for what returns no rows.
  template <class... Args>
  void run(const Args&... args) {
    int index = 0;
    (bind(++index, args, lifetime::of_call), ...);
    run_to_end();
  }

  /// Runs it to its end with the parameters that `each` gives one by one to what it is called with.
  template <class Each>
  void run_each(Each each) {
    int index = 0;
    each([&]<class T>(T&& value) {
      bind(++index, value, std::is_lvalue_reference_v<T> ? lifetime::of_call : lifetime::unknown);
    });
    run_to_end();
  }

  /// Starts a query; it ends with the life of the result.
  template <class... Args>
  [[nodiscard]] sqlite_rows query(const Args&... args) {
    int index = 0;
    (bind(++index, args, lifetime::unknown), ...);
    return sqlite_rows{handle_.get()};
  }

private:
  /// Whether a parameter stays where it is until the statement has run.
  enum class lifetime : std::uint8_t { of_call, unknown };

  template <class T>
  void bind(int index, const T& value, lifetime life) {
    if constexpr (std::convertible_to<T, std::string_view>)
      bind_text(index, value, life);
    else if constexpr (std::same_as<T, bool> || std::integral<T> || std::is_enum_v<T>)
      bind_integer(index, static_cast<std::int64_t>(value));
    else if constexpr (std::same_as<T, timestamp>)
      bind_integer(index, value.time_since_epoch().count());
    else if constexpr (std::same_as<T, uuid>)
      bind_identifier(index, value, life);
    else if constexpr (std::same_as<T, std::nullopt_t>)
      bind_null(index);
    else if (value)
      bind(index, *value, life);
    else
      bind_null(index);
  }

  void bind_integer(int index, std::int64_t value);
  void bind_text(int index, std::string_view value, lifetime life);
  void bind_identifier(int index, const uuid& value, lifetime life);
  void bind_null(int index);
  void run_to_end();

  struct finalizer {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  std::unique_ptr<sqlite3_stmt, finalizer> handle_;
};

} // namespace troupe
