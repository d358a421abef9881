#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace troupe {

/// How long anything may take that must happen, on a machine however busy.
inline constexpr std::chrono::milliseconds patience{30'000};

/// Looks at `condition` again and again until it holds, at most for `limit`.
/// True if it came to hold.
inline bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit = patience) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

} // namespace troupe
