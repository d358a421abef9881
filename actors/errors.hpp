#pragma once

#include "persistence/logging/log.hpp"
#include "persistence/operations.hpp"

#include <caf/error.hpp>
#include <caf/make_message.hpp>
#include <caf/message.hpp>

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

namespace troupe {

/// Why an actor could not do what it was asked. The error's context carries a
/// sentence for a person where the value alone does not say enough.
enum class errc : std::uint8_t {
  /// No such task, bot, model or thread.
  not_found = 1,
  /// The task's status does not allow it.
  illegal_transition,
  /// The attempt is no longer the valid one; its write changed nothing.
  fenced,
  /// The idempotency key was used with another request.
  key_reused,
  /// The task's bot, or the bot's model, does not exist.
  bot_invalid,
  /// The thread named for a new task does not exist.
  thread_not_found,
  /// The bot rejects a new turn while its thread is busy.
  thread_busy,
  /// The store or another service does not answer now; worth another try.
  unavailable,
  /// A task's attempt ended without an answer; the context is an `attempt_failure`.
  attempt_failed,
  /// An actor threw an exception; the context is its text.
  crashed,
};

/// A sentence per value.
std::string_view to_string(errc code) noexcept;

} // namespace troupe

CAF_ERROR_CODE_ENUM(troupe::errc, "troupe")

namespace troupe {

/// The actors' form of a store's refusal.
caf::error to_error(const store_error& refusal);

/// The way back, for whoever has to tell a person: our own errors keep their code
/// and sentence, anything else (a timeout, a dead actor) is `unavailable`.
store_error to_store_error(const caf::error& reason);

/// Turns an exception that escaped a handler into an exit reason; the context is its text
/// and its type.
caf::error to_error(const std::exception_ptr& thrown);

/// The sentence in an error of ours, else what CAF says of it.
std::string sentence_of(const caf::error& reason);

/// An error that cites another one.
struct cited_error {
  std::string text;
  /// How much of it, from its beginning, may be logged: nothing of an exception's text, which
  /// may cite whatever was being worked on.
  std::size_t own_words = logging::all_own;
};

/// `what: sentence`; of an exception `what (its type): its text`.
cited_error cite(std::string what, const caf::error& reason);

/// The error as the log says it: of an exception its type.
std::string loggable(const caf::error& reason);

} // namespace troupe
