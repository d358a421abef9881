#include "persistence/pg_page.hpp"

namespace troupe {

std::string pg_page_query(std::string_view rows, std::string_view order, std::string_view limit) {
  std::string sql = "SELECT * FROM (SELECT lead(true) OVER w AS follows, r.*, sum(r.octets) OVER w AS total, "
                    "row_number() OVER w AS place FROM (";
  sql += rows;
  sql += ") r WINDOW w AS (ORDER BY ";
  sql += order;
  sql += " ROWS UNBOUNDED PRECEDING)) p WHERE place <= ";
  sql += limit;
  sql += " AND (place = 1 OR total <= " + std::to_string(max_page_bytes) + ") ORDER BY ";
  sql += order;
  return sql;
}

} // namespace troupe
