#include "persistence/rows/sql_text.hpp"

#include <algorithm>

namespace troupe {

namespace {

std::string named(std::string_view alias, std::string_view column) {
  std::string result{alias};
  if (!alias.empty())
    result += '.';
  result += column;
  return result;
}

/// Appends `part` to a list with commas.
void add(std::string& list, std::string_view part) {
  if (!list.empty())
    list += ", ";
  list += part;
}

} // namespace

std::string select_list(const column_texts& columns, std::string_view alias,
                        const std::vector<replaced_column>& replaced) {
  std::string list;
  for (const auto& c : columns) {
    const auto other
      = std::find_if(replaced.begin(), replaced.end(), [&](const auto& one) { return one.name == c.name; });
    add(list, other == replaced.end() ? named(alias, c.name) : std::string{other->sql});
  }
  return list;
}

std::vector<std::string> long_columns(const column_texts& columns, std::string_view alias) {
  std::vector<std::string> found;
  for (const auto& c : columns)
    if (c.is_long)
      found.push_back(named(alias, c.name));
  return found;
}

std::string insert_statement(std::string_view table, const column_texts& columns, std::string_view verb) {
  std::string names;
  std::string values;
  for (const auto& c : columns) {
    if (!c.is_inserted && c.initial.empty())
      continue;
    add(names, c.name);
    add(values, c.is_inserted ? "?" : c.initial);
  }
  return std::string{verb} + " INTO " + std::string{table} + "(" + names + ") VALUES(" + values + ")";
}

std::string update_on_conflict(const column_texts& columns) {
  std::string changes;
  for (const auto& c : columns)
    if (c.is_changed)
      add(changes, std::string{c.name} + " = excluded." + std::string{c.name});
  return " DO UPDATE SET " + changes;
}

} // namespace troupe
