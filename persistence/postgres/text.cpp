#include "persistence/postgres/text.hpp"

#include <array>
#include <charconv>

namespace troupe {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

} // namespace

void append_pg_literal(std::string& sql, std::string_view text) {
  sql += '\'';
  for (const char c : text) {
    if (c == '\0') {
      sql += replacement;
      continue;
    }
    if (c == '\'')
      sql += '\'';
    sql += c;
  }
  sql += '\'';
}

void pg_array::write(std::string& sql) const {
  sql += "'{";
  sql += text_;
  sql += "}'";
}

void pg_array::append_number(std::int64_t value) {
  std::array<char, 24> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  text_.append(buffer.data(), end);
}

void pg_array::append_uuid(const uuid& value) {
  std::array<char, 36> buffer{};
  value.to_chars(buffer);
  text_.append(buffer.data(), buffer.size());
}

void pg_array::append_text(std::string_view value) {
  text_ += '"';
  // Most texts need no escape: they are copied in pieces.
  std::size_t begin = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c != '"' && c != '\\' && c != '\'' && c != '\0')
      continue;
    text_.append(value.substr(begin, i - begin));
    begin = i + 1;
    if (c == '\0')
      text_ += replacement;
    else
      text_.append(c == '\'' ? "'" : "\\").push_back(c);
  }
  text_.append(value.substr(begin));
  text_ += '"';
}

void pg_columns::write(std::string& sql, std::string_view name, bool counted) const {
  sql += "EXECUTE ";
  sql += name;
  char separator = '(';
  for (const auto& column : columns_) {
    sql += separator;
    column.write(sql);
    separator = ',';
  }
  if (counted)
    sql += separator + std::to_string(rows_);
  sql += ");";
}

} // namespace troupe
