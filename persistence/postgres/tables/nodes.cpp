#include "persistence/postgres/tables/nodes.hpp"

namespace troupe {

std::vector<node_record> take_nodes(pg_rows& rows) {
  std::vector<node_record> found;
  while (rows.next()) {
    node_record node;
    node.id = rows.take<uuid>();
    node.name = rows.take<std::string>();
    node.role = rows.take<node_role>();
    node.health = rows.take<node_health>();
    node.version = rows.take<std::string>();
    node.address = rows.take<std::string>();
    node.lease = rows.take<uuid>();
    node.capacity = rows.take<int>();
    node.running = rows.take<int>();
    node.started_at = rows.take<timestamp>();
    node.heartbeat_at = rows.take<timestamp>();
    node.lease_expires_at = rows.take<std::optional<timestamp>>();
    found.push_back(std::move(node));
  }
  return found;
}

void pg_nodes::adopt_leases() {
  if (node_id_.is_nil())
    return;
  connection_->query("UPDATE leases SET backend = pg_backend_pid(), backend_start = (SELECT backend_start "
                     "FROM pg_stat_activity WHERE pid = pg_backend_pid()) WHERE node_id = $1::uuid AND NOT revoked",
                     node_id_);
}

outcome pg_nodes::renew(const renew_lease& op) {
  node_id_ = op.node_id;
  constexpr std::string_view take
    = "INSERT INTO leases(owner, node_id, node, expires_at, ttl, backend, backend_start) SELECT $1::uuid, $2::uuid, "
      "$3::text, clock() + $4::bigint, $4::bigint, pid, backend_start FROM pg_stat_activity "
      "WHERE pid = pg_backend_pid() ON CONFLICT(owner) DO UPDATE SET expires_at = excluded.expires_at "
      "WHERE NOT leases.revoked RETURNING true";
  // A process has one lease, and one that was started again under its name has ended the one before it: that one's
  // session is gone. When a session of another role began is not shown to everybody: one that has its number is taken
  // for it.
  constexpr std::string_view supersede
    = "UPDATE leases SET revoked = true WHERE owner <> $1::uuid AND NOT revoked AND (node_id = $2::uuid OR "
      "(node = $3::text AND NOT EXISTS(SELECT 1 FROM pg_stat_activity a WHERE a.pid = backend "
      "AND coalesce(a.backend_start = leases.backend_start, true))))";
  constexpr std::string_view renew
    = "WITH mine AS (UPDATE leases SET expires_at = clock() + $2::bigint, ttl = $2::bigint WHERE owner = $1::uuid "
      "AND NOT revoked RETURNING 1) SELECT EXISTS(SELECT 1 FROM leases WHERE owner <> $1::uuid AND NOT holds(leases)) "
      "FROM mine";
  const std::int64_t ttl = std::chrono::microseconds{op.ttl}.count();
  if (op.first) {
    connection_->query(supersede, op.owner, op.node_id, op.node);
    if (!connection_->query(take, op.owner, op.node_id, op.node, ttl).next())
      return store_error{errc::fenced, "The lease was taken over."};
    return lease_state{};
  }
  auto rows = connection_->query(renew, op.owner, ttl);
  if (!rows.next())
    return store_error{errc::fenced, "The lease was taken over."};
  return lease_state{rows.take<bool>()};
}

outcome pg_nodes::end(const end_lease& op) {
  connection_->query("UPDATE leases SET revoked = true WHERE owner = $1::uuid", op.owner);
  connection_->query("DELETE FROM leases WHERE owner = $1::uuid AND NOT EXISTS("
                     "SELECT 1 FROM queue WHERE queue.owner = $1::uuid)",
                     op.owner);
  return done{};
}

outcome pg_nodes::announce(const announce_node& op) {
  const auto& n = op.node;
  std::string sql;
  if (op.leaving)
    connection_->append(sql, "DELETE FROM nodes WHERE id = $1::uuid", n.id);
  else
    connection_->append(
      sql,
      "INSERT INTO nodes(id, name, role, draining, version, address, lease, capacity, running, started_at, "
      "heartbeat_at) VALUES($1::uuid, $2::text, $3::smallint, $4::boolean, $5::text, $6::text, $7::uuid, $8::int, "
      "$9::int, $10::bigint, clock()) ON CONFLICT(id) DO UPDATE SET draining = excluded.draining, "
      "lease = excluded.lease, capacity = excluded.capacity, running = excluded.running, "
      "address = excluded.address, heartbeat_at = excluded.heartbeat_at",
      n.id, n.name, n.role, n.health == node_health::draining, n.version, n.address, n.lease, n.capacity, n.running,
      n.started_at);
  connection_->append(sql, select_nodes);
  auto rows = connection_->run(sql);
  node_list found{take_nodes(rows)};
  // Those that were lost long ago are of no interest to anybody.
  for (const auto& node : found.nodes)
    if (node.health == node_health::lost && node.heartbeat_at + std::chrono::minutes{10} < now())
      connection_->query("DELETE FROM nodes WHERE id = $1::uuid AND heartbeat_at < clock() - 600000000", node.id);
  return found;
}

} // namespace troupe
