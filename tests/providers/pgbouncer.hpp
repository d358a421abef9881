#pragma once

#include "tests/e2e/server_process.hpp"
#include "tests/providers/needs.hpp"
#include "tests/temporary_folder.hpp"

#include <cstdint>
#include <memory>
#include <string>

/// The real PgBouncer (1.18.0, Debian's package, which `./dev test` unpacks in build/tools) in front of a PostgreSQL
/// server, with a database `troupe`.
namespace troupe {

class pgbouncer {
public:
  /// Empty if it can run here, otherwise a sentence that says what is missing.
  static std::string missing();

  /// Starts it in front of the server on port `server`. `pool_mode` is `session`, `transaction` or `statement`;
  /// `settings` are further lines of its configuration. Throws std::runtime_error with what it wrote if it does not
  /// come up.
  pgbouncer(std::uint16_t server, const std::string& pool_mode, const std::string& settings = {});

  [[nodiscard]] std::string url() const;

private:
  temporary_folder folder_;
  std::uint16_t port_ = 0;
  std::unique_ptr<child_process> process_;
};

} // namespace troupe
