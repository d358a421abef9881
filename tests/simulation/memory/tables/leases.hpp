#pragma once

#include "persistence/operations.hpp"
#include "persistence/postgres/failover/takeover_pause.hpp"
#include "tests/simulation/memory/memory_state.hpp"

#include <optional>

/// Leases as PostgreSQL has them (persistence/postgres: tables/nodes.cpp, tables/claims.cpp, and the functions of its
/// schema), seen by one process.
namespace troupe {

/// The lease holds: it is not revoked, and its time has not come, or nobody could renew.
bool holds(const memory_state& state, const memory_lease& lease);

class memory_leases {
public:
  explicit memory_leases(memory_process& process) : process_{process}, state_{*process.server} {}

  // -- for the nodes (tables.hpp) -----------------------------------------------------

  outcome renew(const renew_lease& op);
  outcome end(const end_lease& op);

  // -- for the queue ------------------------------------------------------------------

  /// Ends those of suspects that are gone, and those that have run out.
  void revoke(const recover_tasks& op);
  [[nodiscard]] bool is_valid(const uuid& owner) const;
  /// Forgets revoked ones that nothing runs under.
  void forget_revoked();

  /// The process has lost the database for a while.
  void came_back() { pause_.came_back(process_.steady()); }
  /// It is connected: if its session has ended since it was shown, it has a new one.
  void show_life();

private:
  /// Everybody gets one lease's time where none holds: writes nothing but at the end of a time when nobody could.
  void begin_grace();
  /// It takes nothing over from others.
  [[nodiscard]] bool pauses() const;
  bool take(const renew_lease& op);
  bool renew_held(const renew_lease& op);
  bool others_expired(const uuid& owner) const;
  bool is_superseded(const memory_lease& lease, const renew_lease& by) const;
  bool runs_something(const uuid& owner) const;
  template <class Which>
  void revoke_where(Which which);

  memory_process& process_;
  memory_state& state_;
  takeover_pause pause_;
  /// Of this process, once it has taken a lease.
  std::optional<uuid> node_id_;
};

} // namespace troupe
