#include "persistence/sqlite/tables/nodes.hpp"

namespace troupe {

outcome sqlite_nodes::renew(const renew_lease& op) {
  if (op.first)
    file_.lease = op.owner;
  if (file_.lease != op.owner)
    return store_error{errc::fenced, "The lease was taken over."};
  return lease_state{};
}

outcome sqlite_nodes::end(const end_lease& op) {
  if (file_.lease == op.owner)
    file_.lease.reset();
  return done{};
}

outcome sqlite_nodes::announce(const announce_node& op) {
  auto node = op.node;
  node.heartbeat_at = now();
  const std::lock_guard guard{file_.node_mutex};
  file_.node.reset();
  if (!op.leaving)
    file_.node = std::move(node);
  node_list found;
  if (file_.node)
    found.nodes.push_back(*file_.node);
  return found;
}

} // namespace troupe
