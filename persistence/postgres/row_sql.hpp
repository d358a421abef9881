#pragma once

#include "persistence/rows/sql_text.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// Statements of PostgreSQL for many rows of one table at once, an array for each column
/// (pg_columns). Within them the rows that were sent are named `u`.
namespace troupe {

struct pg_row_statement {
  std::string_view table;
  column_texts columns;
  /// Columns that follow from what was sent.
  std::vector<replaced_column> derived{};
  /// Sent behind `columns`, for `derived` alone.
  column_texts helpers{};
  /// How many single values go in front of the arrays.
  std::size_t values_before = 0;
};

/// Inserts rows: an array for each column that is inserted and each helper.
std::string pg_insert_rows(const pg_row_statement& statement);

/// Changes rows, named `t`, by `key` and the `rev` that was read: arrays of these two, of each column that changes and
/// each helper; and last the number of rows that must be met (`expect`).
std::string pg_change_rows(const pg_row_statement& statement, const column_text& key,
                           std::string_view rev_type = sql_type<int>());

/// Inserts rows, or changes those whose `key` (names with commas) is there.
std::string pg_put_rows(const pg_row_statement& statement, std::string_view key);

} // namespace troupe
