#pragma once

#include "persistence/page_bound.hpp"
#include "persistence/postgres/connection.hpp"
#include "persistence/rows/sql_text.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Pages that PostgreSQL itself ends: what is left out of one is never sent, nor read
/// beyond its length, which is known wherever a text is stored.
namespace troupe {

/// Two queries for the same page.
struct pg_page_sql {
  /// Gives the rows without those texts that are longer than a row's even share of a
  /// page. Each has in front how long its texts are. As cheap as a query without a bound.
  std::string quick;
  /// Gives what the page may have and no row more, whatever they are like. Each row has
  /// in front whether another one follows.
  std::string exact;
};

/// `columns` are the columns of a row and `texts` those among them that may be long;
/// `from` is all that follows them in a SELECT in the order of `order`, with one row more
/// than `limit` (`$4::int`). `order` names columns of the rows.
pg_page_sql make_pg_page(std::string_view columns, const std::vector<std::string>& texts, std::string_view from,
                         std::string_view order, std::string_view limit);

/// Of whole records in a table with the alias `alias`; `before` are columns in front of theirs.
template <class Record>
pg_page_sql make_pg_page(std::string_view alias, std::string_view before, std::string_view from, std::string_view order,
                         std::string_view limit) {
  return make_pg_page(std::string{before} + select_list<Record>(alias), long_columns<Record>(alias), from, order,
                      limit);
}

/// The `exact` one for `rows`, a whole SELECT with a column `octets`: how long a row's texts are.
std::string exact_pg_page(std::string_view rows, std::string_view order, std::string_view limit);

/// The rows of such a query. Behind the last of them comes one that is known to be
/// there and nothing else, if the page was ended before it.
class pg_page_rows {
public:
  static pg_page_rows quick(pg_rows rows, int limit) { return {std::move(rows), limit}; }
  static pg_page_rows exact(pg_rows rows) { return {std::move(rows), 0}; }

  bool next();
  /// The current row has no columns: the page has ended before it.
  [[nodiscard]] bool is_left_out() const noexcept { return is_left_out_; }
  /// Of a quick query: the page has ended where it need not.
  [[nodiscard]] bool is_in_doubt() const noexcept { return is_in_doubt_; }

  template <class T>
  T take() {
    return rows_.take<T>();
  }
  std::string_view take_view() { return rows_.take_view(); }

private:
  pg_page_rows(pg_rows rows, int limit) : rows_{std::move(rows)}, limit_{limit} {}

  pg_rows rows_;
  /// Of a quick query.
  int limit_ = 0;
  int given_ = 0;
  bool follows_ = false;
  bool is_left_out_ = false;
  bool is_in_doubt_ = false;
};

/// Reads a page by `take(rows)`: quickly, and once more exactly if it has long texts.
template <class Take, class... T>
auto read_pg_page(pg_connection& connection, const pg_page_sql& sql, int limit, Take take, const T&... values) {
  auto quick = pg_page_rows::quick(connection.query(sql.quick, values...), limit);
  auto found = take(quick);
  if (!quick.is_in_doubt())
    return found;
  auto exact = pg_page_rows::exact(connection.query(sql.exact, values...));
  return take(exact);
}

} // namespace troupe
