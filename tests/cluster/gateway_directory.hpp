#pragma once

#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

/// Where clients find gateways, as a load balancer would know it: nodes that were started
/// and have not ended. Such a node may well be frozen, draining or cut off. Any thread.
namespace troupe {

class gateway_directory {
public:
  void enter(const std::string& node, std::uint16_t port);
  void leave(const std::string& node);

  /// The port of some gateway, another one than `but` if there is one; 0 for none.
  std::uint16_t any(std::mt19937_64& random, std::uint16_t but = 0) const;

  /// All of them.
  [[nodiscard]] std::vector<std::uint16_t> ports() const;

private:
  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, std::uint16_t>> entries_;
};

} // namespace troupe
