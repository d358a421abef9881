#pragma once

#include "tests/e2e/server_process.hpp"
#include "tests/providers/needs.hpp"
#include "tests/temporary_folder.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

/// PostgreSQL servers under the real Patroni (3.0.2, Debian's package, which `./dev test` unpacks in build/tools): they
/// agree in an etcd on which of them leads, and one of the others takes its place when it is gone. Patroni's times are
/// the shortest that it takes: a leader is missed after 20 seconds.
namespace troupe {

class patroni {
public:
  /// Empty if it can run here, otherwise a sentence that says what is missing.
  static std::string missing();

  /// Starts that many members, and returns once one leads and the others stream from it. With `synchronous` a commit
  /// waits for one of the others. Throws std::runtime_error with what they wrote if that does not come to be.
  patroni(std::uint16_t etcd, std::size_t members, bool synchronous);
  ~patroni();

  patroni(const patroni&) = delete;
  patroni& operator=(const patroni&) = delete;

  struct member_ports {
    std::uint16_t database = 0;
    /// Where Patroni says whether this one leads: `GET /primary`.
    std::uint16_t api = 0;
  };
  [[nodiscard]] std::vector<member_ports> ports() const;
  /// The database, with all members as its hosts.
  [[nodiscard]] std::string url() const;

  /// The member that leads, by its number; waits for there to be one.
  [[nodiscard]] std::size_t leader() const;
  void await_leader() const { static_cast<void>(leader()); }
  /// Whether nobody leads, as far as the members know.
  [[nodiscard]] bool has_no_leader() const;

  /// What the members have written.
  [[nodiscard]] std::string output() const;

  // -- faults -------------------------------------------------------------------

  /// As an operator plans it: `patronictl switchover`. Returns once another one leads.
  void switch_over();

  /// Patroni and PostgreSQL of the leader, at once, as with its machine. Returns at once.
  void kill_leader();

private:
  class member;

  [[nodiscard]] bool is(std::size_t number, const std::string& what) const;

  std::uint16_t etcd_ = 0;
  std::vector<std::unique_ptr<member>> members_;
};

} // namespace troupe
