#pragma once

#include "persistence/values/time.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>

/// The server's clock, as this process can tell it without asking: all nodes of a cluster go by it,
/// whatever their own clocks say. Between two looks it goes on with the process's steady clock, so that a
/// wall clock that jumps makes no difference. On any thread. Pure.
namespace troupe {

class pg_clock {
public:
  using steady = std::chrono::steady_clock::time_point;

  /// The server said `said` to a question that was sent at `asked` and answered at `answered`.
  void note(timestamp said, steady asked, steady answered) noexcept {
    const auto middle = asked + (answered - asked) / 2;
    const auto found = said.time_since_epoch() - micros(middle);
    const auto before = offset_.load();
    // What differs by less than the answer took may be the answer's own time: a clock that stands still is better.
    if (before == unknown || std::chrono::abs(found - std::chrono::microseconds{before}) > (answered - asked) / 2)
      offset_ = found.count();
  }

  /// The server's time; the machine's own until it was asked.
  [[nodiscard]] timestamp at(steady when, timestamp own) const noexcept {
    const auto offset = offset_.load();
    return offset == unknown ? own : timestamp{micros(when) + std::chrono::microseconds{offset}};
  }
  [[nodiscard]] timestamp now() const noexcept { return at(std::chrono::steady_clock::now(), troupe::now()); }

  /// By how much the machine's own clock is ahead of the server's.
  [[nodiscard]] std::chrono::microseconds ahead() const noexcept {
    const auto own = troupe::now();
    return own - at(std::chrono::steady_clock::now(), own);
  }

private:
  static constexpr auto unknown = INT64_MIN;

  static std::chrono::microseconds micros(steady when) noexcept {
    return std::chrono::duration_cast<std::chrono::microseconds>(when.time_since_epoch());
  }

  /// From the steady clock to the server's, in microseconds.
  std::atomic<std::int64_t> offset_{unknown};
};

} // namespace troupe
