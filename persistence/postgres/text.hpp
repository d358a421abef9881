#pragma once

#include "persistence/values/time.hpp"
#include "persistence/values/uuid.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// Values as PostgreSQL reads them in SQL text: literals, and arrays with a column of
/// a table in each, by which many rows go in one statement. Text is escaped here and
/// nowhere else; `standard_conforming_strings` must be on (every connection sets it).
namespace troupe {

/// Appends `text` as a quoted literal. A NUL, which PostgreSQL cannot store, becomes
/// U+FFFD.
void append_pg_literal(std::string& sql, std::string_view text);

template <class T>
void append_pg_value(std::string& sql, const T& value) {
  if constexpr (std::same_as<T, std::nullopt_t>)
    sql += "NULL";
  else if constexpr (std::same_as<T, bool>)
    sql += value ? "true" : "false";
  else if constexpr (std::integral<T>)
    sql += std::to_string(value);
  else if constexpr (std::is_enum_v<T>)
    sql += std::to_string(static_cast<std::int64_t>(value));
  else if constexpr (std::same_as<T, timestamp>)
    sql += std::to_string(value.time_since_epoch().count());
  else if constexpr (std::same_as<T, uuid>)
    append_pg_literal(sql, value.to_string());
  else if constexpr (std::convertible_to<const T&, std::string_view>)
    append_pg_literal(sql, value);
  else if (value)
    append_pg_value(sql, *value);
  else
    sql += "NULL";
}

/// One column of several rows, as an array literal.
class pg_array {
public:
  template <class T>
  void add(const T& value) {
    if (!text_.empty())
      text_ += ',';
    append(value);
  }
  /// Appends the literal to `sql`.
  void write(std::string& sql) const;

private:
  template <class T>
  void append(const T& value) {
    if constexpr (std::same_as<T, std::nullopt_t>)
      text_ += "NULL";
    else if constexpr (std::same_as<T, bool>)
      text_ += value ? 't' : 'f';
    else if constexpr (std::integral<T>)
      append_number(static_cast<std::int64_t>(value));
    else if constexpr (std::is_enum_v<T>)
      append_number(static_cast<std::int64_t>(value));
    else if constexpr (std::same_as<T, timestamp>)
      append_number(value.time_since_epoch().count());
    else if constexpr (std::same_as<T, uuid>)
      append_uuid(value);
    else if constexpr (std::convertible_to<const T&, std::string_view>)
      append_text(value);
    else if (value)
      append(*value);
    else
      text_ += "NULL";
  }
  void append_number(std::int64_t value);
  void append_uuid(const uuid& value);
  void append_text(std::string_view value);

  /// Elements, escaped for the array and for the literal around it.
  std::string text_;
};

inline void append_pg_value(std::string& sql, const pg_array& values) {
  values.write(sql);
}

/// Rows on their way into a prepared statement that takes an array per column.
class pg_columns {
public:
  explicit pg_columns(std::size_t columns) : columns_(columns) {}

  template <class... T>
  void add(const T&... values) {
    std::size_t i = 0;
    (columns_[i++].add(values), ...);
    ++rows_;
  }
  /// The same with the values that `each` gives one by one to what it is called with.
  template <class Each>
  void add_row(Each each) {
    std::size_t i = 0;
    each([&](const auto& value) { columns_[i++].add(value); });
    ++rows_;
  }
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  /// Appends `EXECUTE name(…)`; with `counted` the number of rows is the last argument.
  void write(std::string& sql, std::string_view name, bool counted) const;

private:
  std::vector<pg_array> columns_;
  std::size_t rows_ = 0;
};

} // namespace troupe
