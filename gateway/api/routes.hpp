#pragma once

#include "gateway/live/request_context.hpp"

#include <memory>
#include <string>
#include <string_view>

/// Which function serves which method and path: at the server's own door, and at the one for those who watch it
/// (`metrics_port`), where `/healthz`, `/readyz` and `/metrics` are all there is.
namespace troupe {

/// Finds the route and has it serve the request, or refuses.
void dispatch(gateway_state& gateway, std::shared_ptr<exchange> ex);

/// The methods that a path knows, whichever node it is on, as `Allow` lists them (RFC 9110,
/// section 10.2.1); of `*`, all that the server knows. Empty if there is no such path.
std::string allowed_methods(std::string_view path);

// -- for those who watch the server ---------------------------------------------

void dispatch_watched(gateway_state& gateway, std::shared_ptr<exchange> ex);
std::string allowed_methods_watched(std::string_view path);

} // namespace troupe
