#pragma once

#include <chrono>
#include <cstddef>
#include <deque>

namespace troupe {

/// An OTP supervisor's bound on restarts: more than `most` in any `within` means
/// that starting again does not help. Pure; the time is passed in.
class restart_intensity {
public:
  using clock_time = std::chrono::steady_clock::time_point;

  restart_intensity(std::size_t most, std::chrono::seconds within) : most_{most}, within_{within} {}

  /// Notes a restart; false if it is one too many.
  bool allow(clock_time now) {
    while (!restarts_.empty() && now - restarts_.front() > within_)
      restarts_.pop_front();
    restarts_.push_back(now);
    return restarts_.size() <= most_;
  }

private:
  std::size_t most_;
  std::chrono::seconds within_;
  std::deque<clock_time> restarts_;
};

} // namespace troupe
