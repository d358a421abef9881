#pragma once

#include "actors/interfaces.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/local_actor.hpp>
#include <caf/type_id.hpp>

#include <functional>

/// How the simulation reaches into an actor: code that the actor is to run itself.
namespace troupe {

struct run_here {
  std::function<void()> what;
};

} // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::run_here)
CAF_BEGIN_TYPE_ID_BLOCK(troupe_simulation, caf::id_block::troupe_handles::end)
CAF_ADD_TYPE_ID(troupe_simulation, (troupe::run_here))
CAF_END_TYPE_ID_BLOCK(troupe_simulation)
