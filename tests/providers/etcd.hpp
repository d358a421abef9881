#pragma once

#include "tests/e2e/server_process.hpp"
#include "tests/providers/needs.hpp"
#include "tests/temporary_folder.hpp"

#include <csignal>
#include <cstdint>
#include <memory>
#include <string>

/// The real etcd (3.4.23, Debian's package, which `./dev test` unpacks in build/tools): the store in which Patroni's
/// members agree on who leads.
namespace troupe {

class etcd {
public:
  /// Empty if it can run here, otherwise a sentence that says what is missing.
  static std::string missing();

  /// Starts it, empty and alone, and returns once it answers. Throws std::runtime_error with what it wrote if it does
  /// not come up.
  etcd();

  /// Where it speaks with clients.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  /// SIGSTOP: it answers nobody, and nobody is told.
  void freeze() { process_->signal(SIGSTOP); }
  void thaw() { process_->signal(SIGCONT); }

private:
  temporary_folder folder_;
  std::uint16_t port_ = 0;
  std::unique_ptr<child_process> process_;
};

} // namespace troupe
