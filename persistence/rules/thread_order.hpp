#pragma once

#include "persistence/values/time.hpp"
#include "persistence/values/uuid.hpp"

#include <cstdint>
#include <optional>
#include <span>

/// The order within a thread: which of its tasks is active, which ones are blocked
/// behind it, and whose turn is next. At most one task of a thread is active; so
/// whatever is ready may be claimed without a look at its siblings, and when an active
/// task leaves, the sibling queued first takes its place.
///
/// Pure. The databases fetch the members that matter, and store what is decided here.
namespace troupe {

/// What a task in the queue waits for. The numbers are stored.
enum class queue_state : std::uint8_t {
  /// Due; waits for a node with capacity.
  ready = 0,
  /// An attempt runs.
  running = 1,
  /// Due; waits for the active task of its thread to leave.
  blocked = 2,
  /// Waits for `due_at`.
  scheduled = 3,
  /// Promised to a node, which has yet to begin the attempt.
  reserved = 4,
};

/// A task of a thread that is in the queue.
struct thread_member {
  uuid task_id;
  queue_state state = queue_state::ready;
  /// From the first claim to the end, also while it waits for a retry.
  bool held = false;
};

/// At most one task of a thread is: its siblings wait behind it.
[[nodiscard]] constexpr bool is_active(queue_state state, bool held) noexcept {
  return held || state == queue_state::ready || state == queue_state::running || state == queue_state::reserved;
}

/// Whether one of `members` other than `task_id` is active.
[[nodiscard]] bool is_busy(std::span<const thread_member> members, const uuid& task_id) noexcept;

/// Whose turn it is when the active task has left; `members` are in the order of queueing. None if nobody is blocked.
[[nodiscard]] std::optional<uuid> next_in_turn(std::span<const thread_member> members) noexcept;

/// `due` is still to come.
[[nodiscard]] constexpr bool is_ahead(std::optional<timestamp> due, timestamp at) noexcept {
  return due && *due > at;
}

/// Of a task that is due; `is_busy()` says whether a sibling is active, and is only asked if it matters.
template <class IsBusy>
[[nodiscard]] queue_state state_when_due(bool held, IsBusy is_busy) {
  return !held && is_busy() ? queue_state::blocked : queue_state::ready;
}

/// Of a task that enters the queue, to run from `run_at` on. `is_busy()` as above.
template <class IsBusy>
[[nodiscard]] queue_state state_on_entry(std::optional<timestamp> run_at, timestamp at, IsBusy is_busy) {
  return is_ahead(run_at, at) ? queue_state::scheduled : state_when_due(false, is_busy);
}

/// Of a task whose attempt has ended and that goes on at `due`, or at once: it still holds its thread.
[[nodiscard]] constexpr queue_state state_on_return(std::optional<timestamp> due, timestamp at) noexcept {
  return is_ahead(due, at) ? queue_state::scheduled : queue_state::ready;
}

} // namespace troupe
