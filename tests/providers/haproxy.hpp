#pragma once

#include "tests/e2e/server_process.hpp"
#include "tests/providers/needs.hpp"
#include "tests/temporary_folder.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

/// The real HAProxy (Debian's package, which `./dev test` unpacks in build/tools) in front of a server.
namespace troupe {

class haproxy {
public:
  /// Empty if it can run here, otherwise a sentence that says what is missing.
  static std::string missing();

  /// Starts it with this whole configuration, made for a free port of the loopback interface, and returns once it
  /// accepts connections. Throws std::runtime_error with what it wrote if it does not come up.
  explicit haproxy(const std::function<std::string(std::uint16_t port)>& configuration);

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

private:
  temporary_folder folder_;
  std::uint16_t port_ = 0;
  std::unique_ptr<child_process> process_;
};

} // namespace troupe
