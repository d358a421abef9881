#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// A database of PostgreSQL as its clients see it: where it is, and, by Debian's psql, what it holds.
namespace troupe {

class postgres_database {
public:
  // Strings, since gcc 12 sees an overflow where a short literal is appended to one.
  inline static const std::string database_name = "troupe";
  inline static const std::string user_name = "postgres";

  /// The database `troupe` of the server on this port of the loopback interface.
  explicit postgres_database(std::uint16_t port) : port_{port} {}

  /// The database, as nodes are told it; `through` is the port of a proxy, 0 for none.
  [[nodiscard]] std::string url(std::uint16_t through = 0) const;
  /// Another one of the server.
  [[nodiscard]] std::string url_of(const std::string& database, std::uint16_t through = 0) const;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  using row = std::vector<std::string>;

  /// The rows of a statement, NULL as an empty text. Throws std::runtime_error with what psql said.
  std::vector<row> query(const std::string& sql) const;

  /// The one value of a statement.
  std::string value(const std::string& sql) const;

  /// As `query`, in another database of the server.
  std::vector<row> ask(const std::string& database, const std::string& sql) const;

private:
  std::uint16_t port_ = 0;
};

} // namespace troupe
