#pragma once

#include "actors/rooms.hpp"
#include "gateway/live/feed.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe {

/// The feeds of one I/O thread, by room. A batch of live events crosses from the
/// gateway actor to the I/O thread once, and is fanned out here. Used on the I/O
/// thread only.
class hub {
public:
  void add(const std::shared_ptr<feed>& which) { feeds_.emplace(which, place{++last_number_, false}); }
  /// The feed has begun, maybe anew; from now on it gets its room's live events.
  void join(const std::shared_ptr<feed>& which);
  /// Ends a feed. True if it had joined its room.
  bool remove(const std::shared_ptr<feed>& which);

  void deliver(const std::vector<live_event>& events);

  /// Live events may pass unheard from now on, until `resync`: no feed goes past a gap, nor one that begins meanwhile.
  void interrupt();
  /// They come again: every feed looks for what it has missed.
  void resync();
  /// The same, unless they may still pass unheard.
  void look_again();
  /// Every feed begins anew.
  void begin_anew() noexcept { interrupted_ = false; }

  /// Calls `f` for each feed, in the order of their coming; it may remove feeds.
  template <class F>
  void for_each(F f) const {
    std::vector<std::pair<std::uint64_t, std::shared_ptr<feed>>> all;
    for (const auto& [one, at] : feeds_)
      all.emplace_back(at.number, one);
    std::sort(all.begin(), all.end());
    for (const auto& [number, one] : all)
      f(one);
  }

private:
  struct place {
    std::uint64_t number = 0;
    /// It has joined its room.
    bool joined = false;
  };

  std::unordered_map<std::shared_ptr<feed>, place> feeds_;
  std::uint64_t last_number_ = 0;
  room_directory<std::shared_ptr<feed>> rooms_;
  bool interrupted_ = false;
};

} // namespace troupe
