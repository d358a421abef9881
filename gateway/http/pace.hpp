#pragma once

#include <cstdint>

/// Whether somebody who sends or reads keeps at it. A deadline that moves with each byte
/// can be held open for ever by one byte now and then; one that does not move cuts those
/// who are honest and slow. So there is both: a least number of bytes in each window of
/// time, and a bound for the whole. Pure; time is counted in the ticks of a server.
namespace troupe {

struct pace_rule {
  /// In ticks. A window ends early once the least was moved.
  std::uint32_t window = 20;
  /// In bytes.
  std::uint64_t least = 10 * 1024;
  /// In ticks, from the start.
  std::uint32_t total = 600;
};

class pace {
public:
  using ticks = std::uint32_t;

  /// It begins at `now`, with `moved` bytes counted already.
  void start(ticks now, std::uint64_t moved) noexcept {
    running_ = true;
    started_ = window_ = now;
    mark_ = moved;
  }
  void stop() noexcept { running_ = false; }

  [[nodiscard]] bool running() const noexcept { return running_; }
  /// When it began.
  [[nodiscard]] ticks since() const noexcept { return started_; }

  /// Looks at how far it has come: true if that is too little, or takes too long.
  [[nodiscard]] bool is_lost(ticks now, std::uint64_t moved, const pace_rule& rule) noexcept {
    if (!running_)
      return false;
    if (moved > mark_ && moved - mark_ >= rule.least) {
      mark_ = moved;
      window_ = now;
    }
    return now - window_ >= rule.window || now - started_ >= rule.total;
  }

private:
  bool running_ = false;
  ticks started_ = 0;
  ticks window_ = 0;
  std::uint64_t mark_ = 0;
};

} // namespace troupe
