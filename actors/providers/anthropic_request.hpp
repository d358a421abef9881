#pragma once

#include "actors/providers/provider.hpp"

#include <string_view>

/// The request that anthropic.hpp describes, of what is asked. Pure.
namespace troupe {

outbound_request anthropic_request(const prompt& what, std::string_view key);

} // namespace troupe
