#pragma once

#include "persistence/rows/columns.hpp"

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// SQL that follows from columns (columns.hpp): the parts that both databases have in
/// common. It is made once per statement, not per use.
namespace troupe {

/// PostgreSQL's type for values of T; SQLite needs none.
template <class T>
constexpr std::string_view sql_type() {
  if constexpr (requires {
                  typename T::value_type;
                  requires std::same_as<T, std::optional<typename T::value_type>>;
                })
    return sql_type<typename T::value_type>();
  else if constexpr (std::same_as<T, bool>)
    return "boolean";
  else if constexpr (std::is_enum_v<T>)
    return "smallint";
  else if constexpr (std::same_as<T, int>)
    return "int";
  else if constexpr (std::same_as<T, std::int64_t> || std::same_as<T, timestamp>)
    return "bigint";
  else if constexpr (std::same_as<T, uuid>)
    return "uuid";
  else
    return "text";
}

/// A column without the member behind it.
struct column_text {
  std::string_view name;
  std::string_view type;
  std::string_view initial;
  bool is_inserted = false;
  bool is_changed = false;
  bool is_long = false;
};

using column_texts = std::vector<column_text>;

/// The texts of `columns`, behind those given.
template <class... Columns>
column_texts texts_of(const std::tuple<Columns...>& columns, column_texts texts = {}) {
  each_column(columns, [&texts]<class Column>(const Column& c) {
    texts.push_back(
      {c.name, sql_type<typename Column::value_type>(), c.initial, c.is_inserted(), c.is_changed(), c.is_long});
  });
  return texts;
}

/// A column of a new row that is no member of the record.
template <class T>
column_text beside(std::string_view name) {
  return {name, sql_type<T>(), {}, true, false, false};
}

/// A column that is selected as something else than itself.
struct replaced_column {
  std::string_view name;
  std::string_view sql;
};

/// `t.id, t.name, …` with the alias `t`, or `id, name, …` with none.
std::string select_list(const column_texts& columns, std::string_view alias = {},
                        const std::vector<replaced_column>& replaced = {});
template <class Record>
std::string select_list(std::string_view alias = {}, const std::vector<replaced_column>& replaced = {}) {
  return select_list(texts_of(columns<Record>), alias, replaced);
}

/// Those that may have any length, as in `select_list`.
std::vector<std::string> long_columns(const column_texts& columns, std::string_view alias = {});
template <class Record>
std::vector<std::string> long_columns(std::string_view alias = {}) {
  return long_columns(texts_of(columns<Record>), alias);
}

/// `INSERT INTO table(…) VALUES(?, …)`, a parameter for each column that is inserted, in their order.
std::string insert_statement(std::string_view table, const column_texts& columns, std::string_view verb = "INSERT");

/// ` DO UPDATE SET name = excluded.name, …` of the columns that change, for an INSERT … ON CONFLICT(…).
std::string update_on_conflict(const column_texts& columns);

} // namespace troupe
