#pragma once

#include <chrono>
#include <optional>

/// When a node takes nothing over from others, though their leases have run out: while the database could not be
/// written, nobody could renew, and whoever is back first knows no more of the others than they of it. So it gives
/// them one lease's time. Pure.
namespace troupe {

class takeover_pause {
public:
  using time = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  /// The database was away, and answers again.
  void came_back(time at) noexcept { since_ = at; }

  /// The node's own lease of `ttl` is renewed, as it is at every third of it. One that comes late was held up, as
  /// those of the others may have been.
  void renewed(time at, duration ttl) noexcept {
    ttl_ = ttl;
    if (is_late(at))
      since_ = at;
    renewed_ = at;
  }

  /// Also while the node's own lease waits to be renewed: whatever keeps it from that may keep others from it.
  [[nodiscard]] bool lasts(time at) const noexcept { return is_late(at) || (since_ && at - *since_ < ttl_); }

private:
  [[nodiscard]] bool is_late(time at) const noexcept { return renewed_ && at - *renewed_ > ttl_ * 2 / 3; }

  std::optional<time> since_;
  std::optional<time> renewed_;
  duration ttl_{};
};

} // namespace troupe
