#pragma once

#include <cstdint>
#include <string_view>

namespace troupe {

/// Why something that was asked for could not be done: by a store, or by an actor above it.
/// One enum for both, so that a refusal keeps its code all the way up. A sentence for a
/// person goes along where the value alone does not say enough.
enum class errc : std::uint8_t {
  /// No such task, bot, model or thread (or it is deleted).
  not_found = 1,
  /// The status does not allow what was asked.
  illegal_transition,
  /// The attempt or the lease is no longer the valid one; nothing was changed.
  fenced,
  /// The idempotency key was used before with another request.
  key_reused,
  /// The task names a bot that does not exist, or whose model does not.
  bot_invalid,
  /// The identifier cannot be a thread of this namespace.
  thread_not_found,
  /// The bot rejects a new turn while its thread is busy.
  thread_busy,
  /// The store or another service does not answer, or refused the write; worth another try.
  unavailable,
  // From here on not for whoever asked: see `told`.

  /// A task's attempt ended without an answer. Given by actors alone.
  attempt_failed,
  /// An actor threw an exception. Given by actors alone.
  crashed,
  /// The database's schema is newer than this program. Given by opening a store alone.
  schema_too_new,
  /// The database cannot be used as it is set up (encoding, rights, another's schema): a
  /// person has to change something. Given by opening a store alone.
  unsuitable,
};

/// A sentence per value.
std::string_view to_string(errc code) noexcept;

/// The code as whoever asked is told it: what only opening a store or an actor's end gives
/// is `unavailable` to everybody else.
errc told(errc code) noexcept;

} // namespace troupe
