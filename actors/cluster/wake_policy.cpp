#include "actors/cluster/wake_policy.hpp"

#include <algorithm>

namespace troupe {

void wake_policy::update(const uuid& node, int free) {
  auto& known = nodes_[node];
  known.free = free;
  known.owed = known.owed && free > 0;
}

template <class F>
std::unordered_map<uuid, wake_policy::entry>::iterator wake_policy::best(F wanted) {
  auto found = nodes_.end();
  for (auto at = nodes_.begin(); at != nodes_.end(); ++at)
    if (at->second.free > 0 && wanted(at->second) && (found == nodes_.end() || at->second.free > found->second.free))
      found = at;
  return found;
}

std::vector<uuid> wake_policy::work_left(bool much, time now) {
  if (much) {
    for (auto& [node, known] : nodes_)
      known.owed = known.free > 0;
    return due(now);
  }
  if (const auto found = best([&](const entry& known) { return known.ready_at() <= now; }); found != nodes_.end()) {
    found->second.last = now;
    found->second.owed = false;
    // Until it says itself how much it has taken.
    --found->second.free;
    return {found->first};
  }
  if (const auto found = best([](const entry&) { return true; }); found != nodes_.end())
    found->second.owed = true;
  return {};
}

std::optional<wake_policy::time> wake_policy::next() const {
  std::optional<time> earliest;
  for (const auto& [node, known] : nodes_)
    if (known.owed && (!earliest || known.ready_at() < *earliest))
      earliest = known.ready_at();
  return earliest;
}

std::vector<uuid> wake_policy::due(time now) {
  std::vector<uuid> told;
  for (auto& [node, known] : nodes_) {
    if (!known.owed || known.ready_at() > now)
      continue;
    known.owed = false;
    known.last = now;
    told.push_back(node);
  }
  return told;
}

} // namespace troupe
