#pragma once

#include "actors/providers/provider.hpp"

/// A member of what is kept of an answer, and none of the protocol's: what its content began
/// with before the answer (`think_splitter::prefix`).
inline constexpr const char* content_prefix = "content_prefix";

/// The request for a chat completion; see actors/providers/openai.
namespace troupe {

outbound_request openai_request(const prompt& what, std::string_view key);

} // namespace troupe
