#pragma once

#include "gateway/outbound/addresses/proxy.hpp"
#include "gateway/outbound/call_queue.hpp"

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
  /// Calls that are under way at once, of each share and at one target of it.
  call_bounds models{16'384, 16'384, 16'384, 16'384};
  call_bounds calls{1024, 128, 16'384, 2048};
  call_bounds streams{512, 128, 0, 0};
  /// The name servers to ask, as `127.0.0.1:53` with commas between; empty for the system's.
  std::string name_servers;
  /// Names that are looked up at once.
  std::size_t max_lookups = 1024;
  /// Unused connections that are kept for one host, and in sum.
  std::size_t max_idle = 256;
  std::size_t max_idle_sum = 1024;
  /// How long they are kept.
  std::chrono::milliseconds idle_time{90'000};
};

/// The bounds for a process that may hold `descriptors` files open, or for one that is told
/// how many connections it may make (`connections`, 0 for none said) and how many calls may
/// be under way at one target. A model's calls have what the others leave, which is by far the most.
void set_bounds(outbound_config& config, std::size_t descriptors, std::size_t connections, std::size_t per_target);

/// Counts since the start.
struct outbound_stats {
  std::uint64_t connections_opened = 0;
  /// Requests that were given to a connection.
  std::uint64_t requests = 0;
  /// Those of them whose connection had served another one before.
  std::uint64_t reused = 0;
};

} // namespace troupe
