#include "gateway/outbound/config.hpp"

#include <algorithm>

namespace troupe {

void set_bounds(outbound_config& config, std::size_t descriptors, std::size_t connections, std::size_t per_target) {
  // Clients, the database and idle connections have the rest.
  const auto sum = std::max<std::size_t>(connections == 0 ? descriptors / 4 * 3 : connections, 16);
  const auto calls = std::clamp<std::size_t>(sum / 8, 4, 1024);
  const auto streams = std::clamp<std::size_t>(sum / 16, 2, 512);
  const auto models = sum - calls - streams;
  config.models.sum = models;
  config.models.per_target = models;
  config.calls.sum = calls;
  config.calls.per_target = std::min(per_target, calls);
  config.streams.sum = streams;
  config.streams.per_target = std::min(per_target, streams);
  config.max_lookups = std::clamp<std::size_t>(sum / 8, 16, 1024);
  config.max_idle_sum = std::clamp<std::size_t>(sum / 8, 8, 1024);
}

} // namespace troupe
