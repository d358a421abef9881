#pragma once

#include <cstdint>

namespace troupe {

/// What a draining supervisor is to do next.
enum class drain_step : std::uint8_t {
  nothing,
  /// Stop what still runs, and hand it back to the queue.
  hand_back,
  /// End the lease, if there is one: nobody has to wait until it runs out.
  leave,
  /// Tell those who have asked.
  answer,
};

/// Watches a supervisor's drain: what runs may end by itself until the time is up, what then
/// still does is handed back, and the lease goes last.
///
///     idle, over ── asked ──▶ running_out ── looked(nothing left) ─────▶ leaving ── left ──▶ over
///                                  └─ expired ──▶ handing_back ── handed_back ──┘
///                                                      └─ not_handed_back ──▶ over
///
/// Whoever asks again meanwhile is answered with the others. Pure.
class drain_watch {
public:
  /// `is_empty`: nothing runs, and nothing is on its way here.
  drain_step asked(bool is_empty);
  /// Something has ended.
  drain_step looked(bool is_empty);
  /// The time that somebody gave is over.
  drain_step expired();
  drain_step handed_back();
  drain_step not_handed_back();
  drain_step left();

  /// Also when it is over: nothing new is started any more.
  [[nodiscard]] bool has_begun() const noexcept { return state_ != state::idle; }

private:
  enum class state : std::uint8_t { idle, running_out, handing_back, leaving, over };

  state state_ = state::idle;
};

} // namespace troupe
