#pragma once

#include "gateway/live/request_context.hpp"

#include <memory>
#include <string>
#include <string_view>

/// Which function serves which method and path.
namespace troupe {

/// Finds the route and has it serve the request, or refuses.
void dispatch(gateway_state& gateway, std::shared_ptr<exchange> ex);

/// The methods that a path knows, whichever node it is on, as `Allow` lists them (RFC 9110,
/// section 10.2.1); of `*`, all that the server knows. Empty if there is no such path.
std::string allowed_methods(std::string_view path);

} // namespace troupe
