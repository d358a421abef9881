#pragma once

#include "persistence/errc.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/operations.hpp"

#include <caf/error.hpp>
#include <caf/make_message.hpp>
#include <caf/message.hpp>

#include <exception>
#include <string>

/// Errors as actors hand them on: a `caf::error` of the category `troupe` whose code is an
/// `errc`. Its context is a sentence for a person where the code alone does not say enough;
/// of `attempt_failed` an `attempt_failure`, of `crashed` the exception's text and type.
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
