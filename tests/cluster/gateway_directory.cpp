#include "tests/cluster/gateway_directory.hpp"

#include <algorithm>

namespace troupe {

void gateway_directory::enter(const std::string& node, std::uint16_t port) {
  leave(node);
  const std::lock_guard guard{mutex_};
  entries_.emplace_back(node, port);
}

void gateway_directory::leave(const std::string& node) {
  const std::lock_guard guard{mutex_};
  std::erase_if(entries_, [&](const auto& entry) { return entry.first == node; });
}

std::uint16_t gateway_directory::any(std::mt19937_64& random, std::uint16_t but) const {
  auto known = ports();
  if (known.size() > 1) {
    std::erase(known, but);
  }
  return known.empty() ? std::uint16_t{0} : known[random() % known.size()];
}

std::vector<std::uint16_t> gateway_directory::ports() const {
  const std::lock_guard guard{mutex_};
  std::vector<std::uint16_t> known;
  for (const auto& [node, port] : entries_) {
    known.push_back(port);
  }
  return known;
}

} // namespace troupe
