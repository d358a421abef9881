#include "persistence/postgres/page.hpp"

#include <algorithm>
#include <cstddef>

namespace troupe {

namespace {

std::string octets_of(const std::vector<std::string>& texts) {
  std::string sum;
  for (const auto& text : texts) {
    sum += sum.empty() ? "coalesce(octet_length(" : " + coalesce(octet_length(";
    sum += text;
    sum += "), 0)";
  }
  return sum;
}

/// `columns` with null in the place of those `texts` that are longer than `share`.
std::string shortened(std::string_view columns, const std::vector<std::string>& texts, const std::string& share) {
  std::string result;
  for (std::size_t begin = 0; begin < columns.size();) {
    const auto end = std::min(columns.find(", ", begin), columns.size());
    const auto column = columns.substr(begin, end - begin);
    result += result.empty() ? "" : ", ";
    if (std::find(texts.begin(), texts.end(), column) == texts.end()) {
      result += column;
    } else {
      result.append("CASE WHEN octet_length(").append(column).append(") <= ").append(share);
      result.append(" THEN ").append(column).append(" END");
    }
    begin = end + 2;
  }
  return result;
}

} // namespace

pg_page_sql make_pg_page(std::string_view columns, const std::vector<std::string>& texts, std::string_view from,
                         std::string_view order, std::string_view limit) {
  const auto octets = octets_of(texts);
  const auto share = std::to_string(max_page_bytes) + " / (" + std::string{limit} + " + 1)";
  auto quick = "SELECT " + octets + ", " + shortened(columns, texts, share);
  quick += from;
  auto rows = "SELECT " + std::string{columns} + ", " + octets + " AS octets";
  rows += from;
  return {std::move(quick), exact_pg_page(rows, order, limit)};
}

std::string exact_pg_page(std::string_view rows, std::string_view order, std::string_view limit) {
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

bool pg_page_rows::next() {
  if (!rows_.next()) {
    is_left_out_ = std::exchange(follows_, false);
    return is_left_out_;
  }
  if (limit_ == 0) {
    follows_ = rows_.take<bool>();
    return true;
  }
  if (rows_.take<std::int64_t>() > static_cast<std::int64_t>(max_page_bytes) / (limit_ + 1)) {
    is_left_out_ = true;
    is_in_doubt_ = given_ < limit_;
  }
  ++given_;
  return true;
}

} // namespace troupe
