#pragma once

#include "gateway/outbound/proxy.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

struct outbound_config {
  /// See `address_policy`.
  std::vector<std::string> allow;
  proxy_environment proxy;
  /// A PEM file with certificates to trust besides the system's; empty for none.
  std::string ca_file;
  /// Unused connections that are kept for one host.
  std::size_t max_idle = 256;
  /// How long they are kept.
  std::chrono::milliseconds idle_time{90'000};
};

/// Counts since the start.
struct outbound_stats {
  std::uint64_t connections_opened = 0;
  /// Requests that were given to a connection.
  std::uint64_t requests = 0;
  /// Those of them whose connection had served another one before.
  std::uint64_t reused = 0;
};

} // namespace troupe
