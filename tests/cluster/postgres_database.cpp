#include "tests/cluster/postgres_database.hpp"

#include "tests/cluster/postgres_programs.hpp"
#include "tests/e2e/server_process.hpp"

#include <stdexcept>
#include <utility>

namespace troupe {

namespace {

// What no text of a database contains separates the fields and rows that psql prints.
constexpr char field_end = '\x1f';
constexpr char row_end = '\x1e';

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (auto end = text.find(separator); end != std::string::npos; end = text.find(separator, begin)) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

} // namespace

std::string postgres_database::url(std::uint16_t through) const {
  return url_of(database_name, through);
}

std::string postgres_database::url_of(const std::string& database, std::uint16_t through) const {
  return "postgres://" + user_name + "@127.0.0.1:" + std::to_string(through == 0 ? port_ : through) + "/" + database;
}

std::vector<postgres_database::row> postgres_database::query(const std::string& sql) const {
  return ask(database_name, sql);
}

std::string postgres_database::value(const std::string& sql) const {
  const auto rows = query(sql);
  if (rows.size() != 1 || rows[0].size() != 1) {
    throw std::runtime_error{"one value was expected of: " + sql};
  }
  return rows[0][0];
}

std::vector<postgres_database::row> postgres_database::ask(const std::string& database, const std::string& sql) const {
  child_process psql{{"/usr/bin/env",
                      "PGOPTIONS=-c client_min_messages=error",
                      postgres_binaries() / "psql",
                      "-X",
                      "-q",
                      "-A",
                      "-t",
                      "-F",
                      std::string{field_end},
                      "-R",
                      std::string{row_end},
                      "-v",
                      "ON_ERROR_STOP=1",
                      "-h",
                      "127.0.0.1",
                      "-p",
                      std::to_string(port_),
                      "-U",
                      user_name,
                      "-d",
                      database,
                      "-c",
                      sql}};
  if (psql.wait() != 0) {
    throw std::runtime_error{"psql could not do '" + sql + "':\n" + psql.output()};
  }
  std::string output = psql.output();
  if (output.ends_with('\n')) {
    output.pop_back();
  }
  std::vector<row> rows;
  if (!output.empty()) {
    for (const auto& line : split(output, row_end)) {
      rows.push_back(split(line, field_end));
    }
  }
  return rows;
}

} // namespace troupe
