#include "persistence/postgres/row_sql.hpp"

#include <cstddef>

namespace troupe {

namespace {

/// Appends `part` to a list with commas.
void add(std::string& list, std::string_view part) {
  if (!list.empty())
    list += ", ";
  list += part;
}

/// Arrays that are sent, and what the rows are made of them.
struct sent_columns {
  /// `$1::uuid[], …`
  std::string arrays;
  /// `id, …`
  std::string names;
  std::size_t count = 0;

  void send(std::string_view name, std::string_view type) {
    add(arrays, "$" + std::to_string(++count) + "::" + std::string{type} + "[]");
    add(names, name);
  }
  void send_helpers(const pg_row_statement& statement) {
    for (const auto& c : statement.helpers)
      send(c.name, c.type);
  }
  [[nodiscard]] std::string rows() const { return "unnest(" + arrays + ") AS u(" + names + ")"; }
};

std::string of_sent(std::string_view name) {
  return "u." + std::string{name};
}

} // namespace

std::string pg_insert_rows(const pg_row_statement& statement) {
  sent_columns sent{{}, {}, statement.values_before};
  std::string names;
  std::string values;
  for (const auto& c : statement.columns) {
    if (!c.is_inserted && c.initial.empty())
      continue;
    add(names, c.name);
    add(values, c.is_inserted ? of_sent(c.name) : std::string{c.initial});
    if (c.is_inserted)
      sent.send(c.name, c.type);
  }
  sent.send_helpers(statement);
  for (const auto& c : statement.derived) {
    add(names, c.name);
    add(values, c.sql);
  }
  return "INSERT INTO " + std::string{statement.table} + "(" + names + ") SELECT " + values + " FROM " + sent.rows();
}

std::string pg_change_rows(const pg_row_statement& statement, const column_text& key, std::string_view rev_type) {
  sent_columns sent;
  sent.send(key.name, key.type);
  sent.send("rev", rev_type);
  std::string changes{"rev = t.rev + 1"};
  for (const auto& c : statement.columns)
    if (c.is_changed) {
      add(changes, std::string{c.name} + " = " + of_sent(c.name));
      sent.send(c.name, c.type);
    }
  sent.send_helpers(statement);
  for (const auto& c : statement.derived)
    add(changes, std::string{c.name} + " = " + std::string{c.sql});
  return "WITH met AS (UPDATE " + std::string{statement.table} + " t SET " + changes + " FROM " + sent.rows()
         + " WHERE t." + std::string{key.name} + " = " + of_sent(key.name)
         + " AND t.rev = u.rev RETURNING 1) SELECT expect((SELECT count(*) FROM met), $"
         + std::to_string(sent.count + 1) + "::bigint)";
}

std::string pg_put_rows(const pg_row_statement& statement, std::string_view key) {
  return pg_insert_rows(statement) + " ON CONFLICT(" + std::string{key} + ")" + update_on_conflict(statement.columns);
}

} // namespace troupe
