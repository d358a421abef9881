#pragma once

#include "persistence/page_bound.hpp"
#include "persistence/pg_connection.hpp"

#include <string>
#include <string_view>
#include <utility>

/// Pages that PostgreSQL itself ends: what is left out of one is never sent, nor read
/// beyond its length.
namespace troupe {

/// A query that gives the first rows of `rows`, a SELECT in the order of `order` with
/// one row more than `limit` (`$4::int`) and a column `octets`, which says how long a
/// row's texts are together: up to `limit` of them, and until they have
/// `max_page_bytes`. Each has in front whether another one follows. `order` names
/// columns of `rows`.
std::string pg_page_query(std::string_view rows, std::string_view order, std::string_view limit);

// The length of a text is known without reading it, wherever it is stored.
inline constexpr std::string_view pg_task_octets
  = "octet_length(t.input) + octet_length(t.spec) + octet_length(t.metadata) + coalesce(octet_length(t.output), 0) + "
    "coalesce(octet_length(t.error), 0) AS octets";
inline constexpr std::string_view pg_message_octets
  = "octet_length(m.content) + coalesce(octet_length(m.tool_calls), 0) + coalesce(octet_length(m.thinking), 0) AS "
    "octets";
inline constexpr std::string_view pg_event_octets = "octet_length(e.data) AS octets";
inline constexpr std::string_view pg_document_octets = "octet_length(document) AS octets";
inline constexpr std::string_view pg_approval_octets = "octet_length(reason) + octet_length(arguments) AS octets";

/// The rows of such a query. Behind the last of them comes one that is known to be
/// there and nothing else, if the page was ended before it.
class pg_page_rows {
public:
  explicit pg_page_rows(pg_rows rows) : rows_{std::move(rows)} {}

  bool next() {
    if (rows_.next()) {
      follows_ = rows_.take<bool>();
      return true;
    }
    is_left_out_ = std::exchange(follows_, false);
    return is_left_out_;
  }
  /// The current row has no columns: the page has ended before it.
  [[nodiscard]] bool is_left_out() const noexcept { return is_left_out_; }

  template <class T>
  T take() {
    return rows_.take<T>();
  }
  std::string_view take_view() { return rows_.take_view(); }

private:
  pg_rows rows_;
  bool follows_ = false;
  bool is_left_out_ = false;
};

} // namespace troupe
