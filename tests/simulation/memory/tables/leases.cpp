#include "tests/simulation/memory/tables/leases.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

namespace troupe {

namespace {

bool in_grace(const memory_state& state) {
  return state.data.counted().lease_grace > state.clock();
}

} // namespace

bool holds(const memory_state& state, const memory_lease& lease) {
  return !lease.revoked && (state.exclusive || lease.expires_at > state.clock() || in_grace(state));
}

// -- taking and renewing ----------------------------------------------------------

void memory_leases::begin_grace() {
  if (state_.faults.no_grace)
    return;
  std::optional<std::chrono::microseconds> longest;
  for (const auto& [owner, lease] : state_.data.leases.ordered()) {
    if (holds(state_, *lease))
      return;
    if (!lease->revoked)
      longest = std::max(longest.value_or(lease->ttl), lease->ttl);
  }
  if (longest)
    state_.data.count([&](memory_counters& row) { row.lease_grace = state_.clock() + *longest; });
}

outcome memory_leases::renew(const renew_lease& op) {
  begin_grace();
  pause_.renewed(process_.steady(), op.ttl);
  node_id_ = op.node_id;
  if (op.first)
    state_.sessions[op.node_id] = process_.number;
  if (!(op.first ? take(op) : renew_held(op)))
    return store_error{errc::fenced, "The lease was taken over."};
  return lease_state{!op.first && others_expired(op.owner) && !pauses()};
}

void memory_leases::show_life() {
  if (!node_id_ || state_.sessions.contains(*node_id_))
    return;
  state_.sessions[*node_id_] = process_.number;
  came_back();
}

bool memory_leases::pauses() const {
  return pause_.lasts(process_.steady()) && !state_.faults.no_grace;
}

bool memory_leases::take(const renew_lease& op) {
  revoke_where(
    [&](const uuid& owner, const memory_lease& lease) { return owner != op.owner && is_superseded(lease, op); });
  const auto until = state_.clock() + op.ttl;
  const auto* known = state_.data.leases.find(op.owner);
  if (!known)
    state_.data.leases.put(op.owner, {op.node_id, op.node, until, op.ttl, false});
  else if (!known->revoked)
    state_.data.leases.edit(op.owner, [&](memory_lease& lease) { lease.expires_at = until; });
  return !known || !known->revoked;
}

bool memory_leases::is_superseded(const memory_lease& lease, const renew_lease& by) const {
  // A process has one lease, and one that was started again under its name has ended the one before it: that one's
  // session is gone.
  return state_.exclusive || lease.node_id == by.node_id || (lease.node == by.node && !state_.lives(lease.node_id));
}

bool memory_leases::renew_held(const renew_lease& op) {
  if (!is_valid(op.owner))
    return false;
  state_.data.leases.edit(op.owner, [&](memory_lease& lease) {
    lease.expires_at = state_.clock() + op.ttl;
    lease.ttl = op.ttl;
  });
  return true;
}

bool memory_leases::others_expired(const uuid& owner) const {
  const auto& all = state_.data.leases.ordered();
  return std::any_of(all.begin(), all.end(),
                     [&](const auto& one) { return one.first != owner && !holds(state_, *one.second); });
}

outcome memory_leases::end(const end_lease& op) {
  if (!runs_something(op.owner))
    state_.data.leases.remove(op.owner);
  else
    revoke_where([&](const uuid& owner, const memory_lease&) { return owner == op.owner; });
  return done{};
}

// -- what has run out -------------------------------------------------------------

void memory_leases::revoke(const recover_tasks& op) {
  if (pauses())
    return;
  const auto is_suspect
    = [&](const uuid& id) { return std::find(op.suspects.begin(), op.suspects.end(), id) != op.suspects.end(); };
  revoke_where([&](const uuid& owner, const memory_lease& lease) {
    const bool is_gone
      = (is_suspect(owner) || is_suspect(lease.node_id)) && !in_grace(state_) && !state_.lives(lease.node_id);
    return is_gone || !holds(state_, lease);
  });
}

bool memory_leases::is_valid(const uuid& owner) const {
  const auto* lease = state_.data.leases.find(owner);
  return lease && !lease->revoked;
}

void memory_leases::forget_revoked() {
  std::vector<uuid> gone;
  for (const auto& [owner, lease] : state_.data.leases.ordered())
    if (lease->revoked && !runs_something(owner))
      gone.push_back(owner);
  for (const auto& owner : gone)
    state_.data.leases.remove(owner);
}

bool memory_leases::runs_something(const uuid& owner) const {
  const auto& running = state_.data.queue.index().running();
  return std::any_of(running.begin(), running.end(),
                     [&](const auto& place) { return state_.data.queue.find(place.second)->entry.owner == owner; });
}

template <class Which>
void memory_leases::revoke_where(Which which) {
  // Only rows are exchanged, none comes or goes.
  for (const auto& [owner, lease] : state_.data.leases.ordered())
    if (!lease->revoked && which(owner, *lease))
      state_.data.leases.edit(owner, [](memory_lease& row) { row.revoked = true; });
}

} // namespace troupe
