#include "persistence/postgres/tables/nodes.hpp"

#include "persistence/logging/say.hpp"

#include <chrono>
#include <cmath>
#include <utility>

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

namespace {

/// Writes nothing but at the end of a time when nobody could.
constexpr const char* begin_grace
  = "UPDATE meta SET value = (SELECT clock() + max(ttl) FROM leases WHERE NOT revoked)::text "
    "WHERE name = 'lease_grace' AND EXISTS(SELECT 1 FROM leases WHERE NOT revoked) "
    "AND NOT EXISTS(SELECT 1 FROM leases l WHERE holds(l))";

/// Of the lease `$1`, for `$2` more; nothing if it was revoked, else whether those of others have run out.
constexpr std::string_view renew_own
  = "WITH mine AS (UPDATE leases SET expires_at = clock() + $2::bigint, ttl = $2::bigint WHERE owner = $1::uuid "
    "AND NOT revoked RETURNING 1) SELECT EXISTS(SELECT 1 FROM leases WHERE owner <> $1::uuid AND NOT holds(leases)) "
    "FROM mine";

} // namespace

void pg_nodes::show_life() {
  if (node_id_.is_nil())
    return;
  // For as long as this session lasts; nobody else has to wait for it.
  std::string sql{"SELECT pg_advisory_lock_shared(node_key("};
  append_pg_literal(sql, node_id_.to_string());
  connection_->run(sql += "))");
}

void pg_nodes::hold_lease() {
  if (!owner_.is_nil())
    connection_->query(renew_own, owner_, ttl_);
}

void pg_nodes::give_lease_up() {
  if (!owner_.is_nil())
    connection_->query("UPDATE leases SET revoked = true WHERE owner = $1::uuid", owner_);
}

outcome pg_nodes::renew(const renew_lease& op) {
  // A writer that was started again has a session of its own, which is to show life as the former one's did.
  const bool is_new = std::exchange(node_id_, op.node_id) != op.node_id;
  constexpr std::string_view take
    = "INSERT INTO leases(owner, node_id, node, expires_at, ttl, backend) VALUES($1::uuid, $2::uuid, $3::text, "
      "clock() + $4::bigint, $4::bigint, 0) ON CONFLICT(owner) DO UPDATE SET expires_at = excluded.expires_at "
      "WHERE NOT leases.revoked RETURNING true";
  // A process has one lease, and one that was started again under its name has ended the one before it: that one's
  // session is gone.
  constexpr std::string_view supersede
    = "UPDATE leases SET revoked = true WHERE owner <> $1::uuid AND NOT revoked AND (node_id = $2::uuid OR "
      "(node = $3::text AND NOT lives(leases)))";
  const std::int64_t ttl = std::chrono::microseconds{op.ttl}.count();
  owner_ = op.owner;
  ttl_ = ttl;
  connection_->run(begin_grace);
  place_.answers();
  pause_.renewed(std::chrono::steady_clock::now(), op.ttl);
  if (op.first || is_new)
    show_life();
  if (op.first) {
    connection_->query(supersede, op.owner, op.node_id, op.node);
    if (!connection_->query(take, op.owner, op.node_id, op.node, ttl).next())
      return store_error{errc::fenced, "The lease was taken over."};
    return lease_state{};
  }
  auto rows = connection_->query(renew_own, op.owner, ttl);
  if (!rows.next())
    return store_error{errc::fenced, "The lease was taken over."};
  const auto others_expired = rows.take<bool>();
  return lease_state{others_expired && !pause_.lasts(std::chrono::steady_clock::now())};
}

outcome pg_nodes::end(const end_lease& op) {
  connection_->query("UPDATE leases SET revoked = true WHERE owner = $1::uuid", op.owner);
  connection_->query("DELETE FROM leases WHERE owner = $1::uuid AND NOT EXISTS("
                     "SELECT 1 FROM queue WHERE queue.owner = $1::uuid)",
                     op.owner);
  return done{};
}

void pg_nodes::look_at_clock() {
  const auto asked = std::chrono::steady_clock::now();
  auto rows = connection_->query("SELECT clock()");
  rows.next();
  place_.clock.note(rows.take<timestamp>(), asked, std::chrono::steady_clock::now());
  const auto ahead = std::chrono::duration<double>(place_.clock.ahead()).count();
  const auto is_wrong = std::abs(ahead) > 1.0;
  if (std::exchange(clock_is_wrong_, is_wrong) == is_wrong)
    return;
  if (is_wrong)
    say::warn("this machine's clock is {:.1f} s {} the database's; tasks go by the database's", std::abs(ahead),
              ahead > 0 ? "ahead of" : "behind");
  else
    say::info("this machine's clock agrees with the database's");
}

outcome pg_nodes::announce(const announce_node& op) {
  look_at_clock();
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
  place_.answers();
  node_list found{take_nodes(rows), place_.identity().text()};
  // Those that were lost long ago are of no interest to anybody.
  for (const auto& node : found.nodes)
    if (node.health == node_health::lost && node.heartbeat_at + std::chrono::minutes{10} < place_.clock.now())
      connection_->query("DELETE FROM nodes WHERE id = $1::uuid AND heartbeat_at < clock() - 600000000", node.id);
  return found;
}

} // namespace troupe
