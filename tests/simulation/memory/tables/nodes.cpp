#include "tests/simulation/memory/tables/nodes.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <tuple>

namespace troupe {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_nodes = 1000;
constexpr auto lost_after = 10s;
constexpr auto forgotten_after = 10min;

/// A node's row, which says of its health only whether it drains, as it is shown.
node_record shown(const memory_state& state, node_record node) {
  if (node.heartbeat_at < state.clock() - lost_after)
    node.health = node_health::lost;
  node.lease_expires_at.reset();
  if (const auto* lease = state.data.leases.find(node.lease); lease && holds(state, *lease))
    node.lease_expires_at = lease->expires_at;
  return node;
}

} // namespace

std::vector<node_record> known_nodes(const memory_state& state) {
  std::vector<node_record> found;
  for (const auto& [id, node] : state.data.nodes.ordered())
    found.push_back(shown(state, *node));
  if (found.size() > most_nodes) {
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.heartbeat_at > b.heartbeat_at; });
    found.resize(most_nodes);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.name, a.started_at) < std::tie(b.name, b.started_at);
  });
  return found;
}

outcome memory_nodes::announce(const announce_node& op) {
  if (op.leaving)
    state_.data.nodes.remove(op.node.id);
  else
    note(op.node);
  node_list found{known_nodes(state_), state_.exclusive ? std::string{} : state_.id.to_string()};
  forget_lost(found.nodes);
  return found;
}

void memory_nodes::note(const node_record& node) {
  auto row = node;
  if (const auto* known = state_.data.nodes.find(node.id)) {
    row.name = known->name;
    row.role = known->role;
    row.version = known->version;
    row.started_at = known->started_at;
  }
  row.health = node.health == node_health::draining ? node_health::draining : node_health::alive;
  row.heartbeat_at = state_.clock();
  row.lease_expires_at.reset();
  state_.data.nodes.put(node.id, std::move(row));
}

void memory_nodes::forget_lost(const std::vector<node_record>& known) {
  for (const auto& node : known)
    if (node.heartbeat_at < state_.clock() - forgotten_after)
      state_.data.nodes.remove(node.id);
}

} // namespace troupe
