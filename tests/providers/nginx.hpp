#pragma once

#include "tests/e2e/server_process.hpp"
#include "tests/providers/needs.hpp"
#include "tests/temporary_folder.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

/// The real nginx (Debian's package, which `./dev test` unpacks in build/tools) in front of a
/// server, with all of its defaults: HTTP/1.0 to the server, and answers that are buffered
/// unless they ask not to be.
namespace troupe {

class nginx {
public:
  /// Empty if it can run here, otherwise a sentence that says what is missing.
  static std::string missing();

  /// Starts it on a free port of the loopback interface, passing everything on to
  /// `upstream`, and returns once it accepts connections. `location` is added to its one
  /// location. Throws std::runtime_error with what it wrote if it does not come up.
  explicit nginx(std::uint16_t upstream, const std::string& location = {});

  /// The same with everything but what every nginx needs left to `servers`, which is told the port.
  explicit nginx(const std::function<std::string(std::uint16_t port)>& servers);

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

private:
  void start(const std::string& servers);

  temporary_folder folder_;
  std::uint16_t port_ = 0;
  std::unique_ptr<child_process> process_;
};

} // namespace troupe
