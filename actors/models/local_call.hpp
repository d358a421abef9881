#pragma once

#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstdint>

/// A local call is one turn asked of the builtin model on behalf of a gate: what a remote
/// call is for a provider. Spawned and monitored by the gate of a builtin model that has
/// limits; it has the answer streamed to the task, tells the gate how it ended, and quits.
/// It stops the chat when the task ends.
namespace troupe {

using local_call_actor = caf::typed_actor<caf::reacts_to<stop_chat>>;

local_call_actor::behavior_type local_call(local_call_actor::pointer self, model_actor model, model_gate_actor gate,
                                           std::uint64_t number, chat_request request);

} // namespace troupe
