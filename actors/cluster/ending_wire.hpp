#pragma once

#include "actors/messages.hpp"
#include "actors/wire.hpp"

/// How a request to end a task crosses to the node that runs it, and its answer back.
namespace troupe {

end_task_there to_wire(const ending_operation& how, const link_end& from);
ending_operation from_wire(const end_task_there& request);

/// What the supervisor refused, for the node that asked. Anything but the store's own
/// refusal leaves it to that node.
task_ended_there to_answer(const caf::error& reason, const link_end& from);
caf::error to_refusal(const task_ended_there& answer);

} // namespace troupe
