#pragma once

#include "gateway/forms/parse_frame.hpp"
#include "persistence/page_bound.hpp"
#include "persistence/store.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// A feed brings one subscriber the events of one room: first what is stored
/// behind its starting point, then live ones, without a hole or a repeat between
/// the two. Pure logic: it lives on its I/O thread and knows neither sockets nor
/// actors; whoever owns it reads pages when asked to and passes live events on.
///
/// The rule that makes the seam safe: the room is joined before the page is read
/// that turns out to be the last. A live event that comes while stored ones are
/// still being read is either in a later page, or is held back until the last page
/// is there and then sent if its position is beyond it.
namespace troupe {

/// An event as every receiver on an I/O thread shares it.
struct live_event {
  std::shared_ptr<const event_source> source;
  std::int64_t seq = 0;
  std::int64_t position = 0;
  event_type type = event_type::task_created;
  /// The frame's JSON text.
  std::shared_ptr<const std::string> text;
};

class feed {
public:
  /// What a feed makes happen; every one is called on the I/O thread.
  struct hooks {
    /// An event for the subscriber, in order.
    std::function<void(const live_event&)> deliver;
    /// Read events behind a position and give them to `on_page`.
    std::function<void(std::int64_t position, page_size most)> read;
    /// The feed has begun: its room is joined.
    std::function<void(const room& resolved)> opened;
    /// The events from one position up to another, seen or not, are gone.
    std::function<void(std::int64_t from, std::int64_t to)> missed;
    /// It cannot begin, or go on.
    std::function<void(const store_error& reason)> failed;
    /// True while the subscriber takes no more; the next page waits for `on_drained`.
    std::function<bool()> congested;
  };

  /// What is read first: for most subscribers that is all, and they are not to wait for those
  /// who read long pages.
  static inline const page_size short_page{32, std::size_t{64} * 1024};
  /// If that was not the end.
  static inline const page_size long_page{longest_page};

  feed(room where, resume_point from, hooks h) : where_{std::move(where)}, from_{from}, hooks_{std::move(h)} {}

  /// The room as it was asked for.
  [[nodiscard]] const room& where() const noexcept { return where_; }
  /// Where it starts, or goes on after a break: behind the last event it delivered.
  [[nodiscard]] resume_point from() const noexcept;
  /// The room with a task replaced by its thread; set once begun.
  [[nodiscard]] const std::optional<room>& resolved() const noexcept { return resolved_; }
  [[nodiscard]] bool ended() const noexcept { return state_ == state::ended; }
  [[nodiscard]] bool waits_for_drain() const noexcept { return waits_for_drain_; }
  /// True if the event is in this feed's room, behind its start, and its turn has
  /// come: another feed of the same subscriber need not deliver it again.
  [[nodiscard]] bool has_delivered(const live_event& event) const noexcept;

  /// The room is joined, and the feed starts behind `position`. With `was_ahead`, it
  /// was asked to start behind that, but the store ends at `position`.
  void begin(room resolved, std::int64_t position, std::int64_t was_ahead = 0);
  void on_page(const room_events& page, const std::vector<live_event>& events);
  void on_live(const live_event& event);
  void on_drained();
  void on_failed(const store_error& reason);
  /// Live events may pass unheard from now on, until `resync`: those that come meanwhile are held back, since one that
  /// is behind a gap would hide it.
  void interrupt();
  /// Live events may have been missed, and are not any more: read again from where it stands.
  void resync();
  void end() noexcept {
    state_ = state::ended;
    is_over_.store(true, std::memory_order_relaxed);
  }
  /// As `ended`, for any thread: what was asked for its sake need not be found out.
  [[nodiscard]] bool is_over() const noexcept { return is_over_.load(std::memory_order_relaxed); }

private:
  enum class state : std::uint8_t { starting, replaying, live, ended };

  /// Held back at most; beyond it they are read from the store instead.
  static constexpr std::size_t max_held = 1000;

  void read_on();

  room where_;
  resume_point from_;
  hooks hooks_;
  std::optional<room> resolved_;
  state state_ = state::starting;
  std::int64_t start_ = 0;
  /// Everything of the room up to here was delivered.
  std::int64_t position_ = 0;
  page_size next_page_ = short_page;
  std::vector<live_event> held_;
  /// The next page may not be the last: something was missed since it was asked for.
  bool read_again_ = false;
  /// A page is asked for, or will be once the subscriber takes more.
  bool reading_ = false;
  bool interrupted_ = false;
  bool waits_for_drain_ = false;
  std::atomic<bool> is_over_ = false;
};

} // namespace troupe
