#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe {

inline double milliseconds_between(std::chrono::steady_clock::time_point from,
                                   std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

/// Milliseconds from the POST to `task:started` at a subscriber of the same node, one task
/// at a time.
std::vector<double> time_starts(std::uint16_t port, std::size_t tasks);

} // namespace troupe
