#pragma once

#include "gateway/live/gateway_actor.hpp"

namespace troupe {

/// Does what a frame of a chat asks for: a new turn, a cancel, a piece of history.
/// What goes wrong is answered with an error frame; what goes right shows in the
/// thread's events.
void handle(gateway_state& gateway, const handle_chat_frame& asked);

} // namespace troupe
