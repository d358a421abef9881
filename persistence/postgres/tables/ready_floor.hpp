#pragma once

#include <chrono>
#include <cstdint>

/// Where a claim begins to look for tasks that are ready for the first time. These are
/// numbered in a sequence; what was claimed a while ago is not walked over again, since an
/// old transaction elsewhere may keep it from being vacuumed away. Pure.
namespace troupe {

class pg_ready_floor {
public:
  using time = std::chrono::steady_clock::time_point;

  /// No statement that gives a task its number takes longer (see `statement_timeout`), so that what is to come stands
  /// behind what was seen so long ago.
  static constexpr std::chrono::seconds interval{12};
  /// And to be quite sure, now and then a claim begins at the bottom.
  static constexpr std::chrono::seconds below_interval{60};

  /// The number that the claim of this moment begins behind.
  std::int64_t begin(time at) noexcept {
    if (at - moved_ >= interval) {
      floor_ = next_;
      next_ = highest_;
      moved_ = at;
    }
    if (at - looked_below_ < below_interval)
      return floor_;
    looked_below_ = at;
    return 0;
  }

  /// A task with this number was claimed; 0 for one without.
  void note(std::int64_t number) noexcept {
    if (number > highest_)
      highest_ = number;
  }

private:
  std::int64_t floor_ = 0;
  std::int64_t next_ = 0;
  std::int64_t highest_ = 0;
  time moved_{};
  time looked_below_{};
};

} // namespace troupe
