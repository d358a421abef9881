#pragma once

#include "persistence/store.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

/// A database in memory that several processes share, all of them in one program: the rules of the store
/// (persistence/rules) over tables that can go back. It plays PostgreSQL to a simulated cluster, leases and sessions
/// included, on clocks that it is given.
namespace troupe {

struct memory_state;

/// Faults that a database, or what asks it, might have: for tests of those who are to notice.
struct memory_faults {
  /// Nobody sees who else has a session.
  bool blind_to_sessions = false;
  /// Leases run out, though nobody could renew his, and whoever comes first takes what they held.
  bool no_grace = false;
  /// Whatever an attempt writes is taken, though another has followed it.
  bool no_fence = false;
  /// Idempotency keys are passed over.
  bool no_keys = false;
  /// A thread's tasks do not wait for each other.
  bool no_thread_order = false;

  [[nodiscard]] bool changes_operations() const noexcept { return no_fence || no_keys; }
};

/// One database in memory, and what its processes share. Meant for one thread; a lock makes it safe on several.
class memory_server {
public:
  enum class access : std::uint8_t {
    /// As a server is.
    shared,
    /// By one process after the other, as a file is: the lease is its latest owner's, however long ago it was renewed.
    exclusive,
  };

  /// `clock` is the database's own.
  explicit memory_server(std::function<timestamp()> clock, access by = access::shared, memory_faults faults = {});

  /// A process opens it. `steady` is that process's steady clock. At most one writer of a database that this gives
  /// exists at a time (as open_writer says in persistence/store.hpp); any number of processes. What this gives may
  /// outlive the server.
  std::shared_ptr<database> open(std::function<std::chrono::steady_clock::time_point()> steady);

  /// The session of the process that the node `node_id` runs in has ended: it lives no more, as far as the server can
  /// tell. A process that is still there has another session with its next commit, and takes nothing over for one
  /// lease's time. A process's session also ends when its `database` is destroyed.
  void end_session(const uuid& node_id);

  /// So many commits have changed something.
  [[nodiscard]] std::uint64_t commits() const noexcept;
  /// Takes back every commit behind the number `commits`, as an asynchronous failover does: rows, positions, leases,
  /// keys, all of it. Sessions stay: every process is connected again, and takes nothing over from others for one
  /// lease's time. Throws `std::out_of_range` for a number that is not reached, or forgotten, and `std::logic_error`
  /// while a reader is between `begin` and `end`.
  void undo_to(std::uint64_t commits);
  /// Undo is possible back to there: what is older is forgotten (memory).
  void keep_undo_behind(std::uint64_t commits);

private:
  std::shared_ptr<memory_state> state_;
};

} // namespace troupe
