#pragma once

#include "persistence/operations.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <functional>

/// The page writer writes long answers out: a mebibyte of JSON takes milliseconds, in
/// which its gateway answers dozens of others. One per gateway actor, spawned detached by
/// it and linked to it; its thread gives way to those that answer. Knows nothing of what
/// it writes.
namespace troupe {

/// Runs `f`, which touches nothing but its own; what it throws is answered as an error.
struct write_page {
  std::function<void()> f;
};

using page_writer_actor = caf::typed_actor<caf::replies_to<write_page>::with<done>>;

page_writer_actor::behavior_type page_writer(page_writer_actor::pointer self);

} // namespace troupe
