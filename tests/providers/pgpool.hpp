#pragma once

#include "tests/e2e/server_process.hpp"
#include "tests/providers/needs.hpp"
#include "tests/temporary_folder.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

/// The real pgpool-II (4.3.5, Debian's package, which `./dev test` unpacks in build/tools) in front of a primary and
/// its standbys: it sends what only reads to any of them.
namespace troupe {

class pgpool {
public:
  /// Empty if it can run here, otherwise a sentence that says what is missing.
  static std::string missing();

  /// A server behind it; of what may be read anywhere, a server gets a share by its weight.
  struct server {
    std::uint16_t port = 0;
    int weight = 1;
  };

  /// Starts it in front of these servers. `settings` are further lines of its configuration. Throws std::runtime_error
  /// with what it wrote if it does not come up.
  explicit pgpool(const std::vector<server>& servers, const std::string& settings = {});
  /// Ends it with its processes, which would live on otherwise.
  ~pgpool();

  pgpool(const pgpool&) = delete;
  pgpool& operator=(const pgpool&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string output() const { return process_->output(); }

private:
  temporary_folder folder_;
  std::uint16_t port_ = 0;
  std::unique_ptr<child_process> process_;
};

} // namespace troupe
