#pragma once

#include "persistence/values/time.hpp"
#include "persistence/values/uuid.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

/// How a row is described: a table's columns beside the members of the record that they
/// become, once for both databases. What is selected, read, inserted and changed follows
/// from it (sql_text.hpp has the SQL), so that order and number cannot disagree.
namespace troupe {

/// When a column is written.
enum class written : std::uint8_t {
  /// With the row.
  once,
  /// With the row and with each of its changes.
  always,
  /// With changes alone; a new row has what the column says is `initial`.
  later,
  /// By nobody who writes the record.
  never,
};

/// What a pointer to a member leads to.
template <class T>
struct member_of;
template <class Record, class T>
struct member_of<T Record::*> {
  using type = T;
};

/// The member that the pointers lead to, one after the other.
template <class Record, class Step, class... Steps>
constexpr auto& follow(Record& record, Step step, Steps... further) noexcept {
  if constexpr (sizeof...(further) == 0)
    return record.*step;
  else
    return follow(record.*step, further...);
}

/// A column. `Steps` are pointers to members that lead from the record to the value.
template <class... Steps>
struct column {
  using value_type = typename member_of<std::tuple_element_t<sizeof...(Steps) - 1, std::tuple<Steps...>>>::type;

  std::string_view name;
  written when = written::once;
  std::tuple<Steps...> path;
  /// SQL of what a new row has, where the table itself does not say (`written::later`).
  std::string_view initial{};
  /// Empty is stored as NULL.
  bool empty_is_null = false;
  /// Text that may have any length; pages are measured by it.
  bool is_long = false;

  template <class Record>
  [[nodiscard]] constexpr auto& of(Record& record) const noexcept {
    return std::apply(
      [&record](auto... step) -> auto& { return follow(record, step...); }, path);
  }
  [[nodiscard]] constexpr bool is_inserted() const noexcept { return when == written::once || when == written::always; }
  [[nodiscard]] constexpr bool is_changed() const noexcept { return when == written::always || when == written::later; }

  [[nodiscard]] constexpr column initially(std::string_view sql) const {
    auto result = *this;
    result.initial = sql;
    return result;
  }
  [[nodiscard]] constexpr column or_null() const {
    auto result = *this;
    result.empty_is_null = true;
    return result;
  }
  [[nodiscard]] constexpr column of_any_length() const {
    auto result = *this;
    result.is_long = true;
    return result;
  }
};

template <class... Steps>
constexpr column<Steps...> once(std::string_view name, Steps... steps) {
  return {name, written::once, {steps...}};
}
template <class... Steps>
constexpr column<Steps...> always(std::string_view name, Steps... steps) {
  return {name, written::always, {steps...}};
}
template <class... Steps>
constexpr column<Steps...> later(std::string_view name, Steps... steps) {
  return {name, written::later, {steps...}};
}
template <class... Steps>
constexpr column<Steps...> never(std::string_view name, Steps... steps) {
  return {name, written::never, {steps...}};
}

/// The columns of a record, a tuple; see record_columns.hpp.
template <class Record>
inline constexpr auto columns = std::tuple{};

/// `columns` of a member, as columns of the record that it is a member of.
template <class Member, class... Columns>
constexpr auto within(Member member, const std::tuple<Columns...>& columns) {
  const auto one = [member]<class... Steps>(const column<Steps...>& c) {
    return column<Member, Steps...>{c.name,    c.when,          std::tuple_cat(std::tuple{member}, c.path),
                                    c.initial, c.empty_is_null, c.is_long};
  };
  return std::apply([&one](const auto&... c) { return std::tuple{one(c)...}; }, columns);
}

/// How many columns a new row has, or a change of one.
template <class... Columns>
constexpr std::size_t count_inserted(const std::tuple<Columns...>& columns) {
  return std::apply([](const auto&... c) { return (std::size_t{0} + ... + (c.is_inserted() ? 1 : 0)); }, columns);
}
template <class... Columns>
constexpr std::size_t count_changed(const std::tuple<Columns...>& columns) {
  return std::apply([](const auto&... c) { return (std::size_t{0} + ... + (c.is_changed() ? 1 : 0)); }, columns);
}

/// Calls `use` with each column.
template <class Columns, class Use>
constexpr void each_column(const Columns& columns, Use use) {
  std::apply([&use](const auto&... c) { (use(c), ...); }, columns);
}

// -- reading ----------------------------------------------------------------------

/// Reads the next column of a row into `value`. Members that are no plain value have an overload of their own.
template <class Rows, class T>
void take_value(Rows& row, T& value) {
  value = row.template take<T>();
}

/// Reads the next columns of a row, in the order of `columns`, into `record`.
template <class Rows, class Columns, class Record>
void take_columns(Rows& row, const Columns& columns, Record& record) {
  each_column(columns, [&](const auto& c) { take_value(row, c.of(record)); });
}

template <class Record, class Rows>
Record take_record(Rows& row) {
  Record record;
  take_columns(row, columns<Record>, record);
  return record;
}

// -- writing ----------------------------------------------------------------------

template <class T>
constexpr bool is_empty(const T& value) noexcept {
  if constexpr (requires { value.empty(); })
    return value.empty();
  else if constexpr (requires { value.is_nil(); })
    return value.is_nil();
  else
    return false;
}

/// Gives `put` the value of a column as it is stored. Members that are no plain value have a `to_stored` of their own.
template <class Column, class Record, class Put>
void put_value(const Column& c, const Record& record, Put& put) {
  const auto& value = c.of(record);
  if constexpr (requires { to_stored(value); })
    put(to_stored(value));
  else if (c.empty_is_null && is_empty(value))
    put(std::nullopt);
  else
    put(value);
}

/// Gives `put` what a new row has of a record, column by column.
template <class Columns, class Record, class Put>
void each_inserted(const Columns& columns, const Record& record, Put put) {
  each_column(columns, [&](const auto& c) {
    if (c.is_inserted())
      put_value(c, record, put);
  });
}

/// Gives `put` what a change of a row writes.
template <class Columns, class Record, class Put>
void each_changed(const Columns& columns, const Record& record, Put put) {
  each_column(columns, [&](const auto& c) {
    if (c.is_changed())
      put_value(c, record, put);
  });
}

} // namespace troupe
