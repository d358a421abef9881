#pragma once

#include "actors/errors.hpp"

#include <caf/atom.hpp>
#include <caf/error.hpp>

#include <string_view>

/// How the writer's errors are to be read by those who watch over executions.
namespace troupe {

/// The store said no, so nothing has changed; any other error leaves that open.
inline bool is_refusal(const caf::error& reason) {
  return reason.category() == caf::atom("troupe");
}

/// Worth asking again.
inline bool is_passing(const caf::error& reason) {
  return !is_refusal(reason) || reason == errc::unavailable;
}

/// Why a draining node's tasks go back to the queue.
inline constexpr std::string_view shutting_down = "The node is shutting down.";

} // namespace troupe
