#pragma once

#include "actors/providers/provider.hpp"

/// The request for a chat completion; see actors/providers/openai.
namespace troupe {

outbound_request openai_request(const prompt& what, std::string_view key);

} // namespace troupe
