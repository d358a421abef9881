#pragma once

#include "actors/errors.hpp"
#include "actors/messages.hpp"

#include <caf/error.hpp>

#include <string_view>
#include <variant>

/// How an attempt ends, as a task's actor tells its supervisor by the reason that it quits
/// with. Both sides of that reason stand here, and nobody else looks into one.
namespace troupe {

/// The store has its end: an answer, a wait for a person, or that another attempt has taken
/// over.
struct attempt_done {};

/// Somebody has asked it to stop, and sees to the rest.
struct attempt_stopped {};

/// It died without a word of its own: it was killed, or an exception kept it from saying more.
struct attempt_crash {
  cited_error why;
};

/// An `attempt_failure` says itself what has failed.
using attempt_end = std::variant<attempt_done, attempt_stopped, attempt_failure, attempt_crash>;

/// What a task's actor quits with.
caf::error exit_reason_of(attempt_failure failure);

/// What a supervisor reads in it. `was_asked_to_stop`: the supervisor had it stopped.
attempt_end attempt_end_of(const caf::error& reason, bool was_asked_to_stop);

/// `done`, `stopped`, or the class of the failure.
std::string_view outcome_of(const attempt_end& end);

/// A crash is just another failure: a transient one, and what the attempt had reported counts.
attempt_failure failure_of(attempt_crash crash);

} // namespace troupe
