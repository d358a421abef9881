#include "tests/simulation/memory/tables/keys.hpp"

#include <iterator>

namespace troupe {

std::optional<memory_keys::seen> memory_keys::find(const std::string& key) {
  const auto* found = data_.keys.find(key);
  return found ? std::optional{seen{found->fingerprint, found->task_id}} : std::nullopt;
}

void memory_keys::insert(const idempotency_key& key, const uuid& task_id, timestamp at) {
  const auto& known = data_.keys.index().by_number();
  const auto number = known.empty() ? 1 : std::prev(known.end())->first + 1;
  data_.keys.put(key.key, {key.fingerprint, task_id, at, number});
}

void memory_keys::forget(timestamp before) {
  // The first one that stays ends the search.
  const auto& known = data_.keys.index().by_number();
  while (!known.empty()) {
    const auto oldest = known.begin()->second;
    if (data_.keys.find(oldest)->created_at >= before)
      return;
    data_.keys.remove(oldest);
  }
}

} // namespace troupe
