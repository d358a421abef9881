#pragma once

#include "persistence/postgres/database.hpp"
#include "persistence/postgres/failover/takeover_pause.hpp"
#include "persistence/rules/tables.hpp"

#include <cstdint>

/// Leases and nodes in PostgreSQL. Each of these is a transaction of its own, at once:
/// none belongs to any task's story, and doing one twice does no harm.
namespace troupe {

class pg_nodes final : public node_table {
public:
  pg_nodes(pg_place& place, takeover_pause& pause) : place_{place}, pause_{pause} {}

  void use(pg_connection& connection) noexcept { connection_ = &connection; }
  /// The connection is a new one: it shows from now on that this process lives.
  void show_life();
  /// The lease that was renewed last is renewed again, if it still holds, while a batch waits for room on the disk:
  /// that takes none. Throws what PostgreSQL does.
  void hold_lease();
  /// The lease that was renewed last ends: its next renewal is refused, and what was run under it may be recovered.
  void give_lease_up();

  outcome renew(const renew_lease& op) override;
  outcome end(const end_lease& op) override;
  outcome announce(const announce_node& op) override;

private:
  void look_at_clock();

  pg_place& place_;
  takeover_pause& pause_;
  pg_connection* connection_ = nullptr;
  /// Of this process, once it has taken a lease.
  uuid node_id_;
  /// That lease, and how long it lasts (microseconds).
  uuid owner_;
  std::int64_t ttl_ = 0;
  bool clock_is_wrong_ = false;
};

/// Columns of `nodes` named `n`, joined with its lease `l`.
inline constexpr std::string_view select_nodes
  = "SELECT n.id, n.name, n.role, CASE WHEN n.heartbeat_at < clock() - 10000000 THEN 2 WHEN n.draining THEN 1 ELSE 0 "
    "END, n.version, n.address, n.lease, n.capacity, n.running, n.started_at, n.heartbeat_at, "
    "CASE WHEN holds(l) THEN l.expires_at END "
    "FROM (SELECT * FROM nodes ORDER BY heartbeat_at DESC LIMIT 1000) n LEFT JOIN leases l ON l.owner = n.lease "
    "ORDER BY n.name, n.started_at";
std::vector<node_record> take_nodes(pg_rows& rows);

} // namespace troupe
