#pragma once

#include "persistence/records.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// What is to be thought of an answer that is over. Pure.
namespace troupe {

/// What a provider's word for the end of an answer means: `length`, `max_tokens` and their
/// kin are `length`, words for filters `content_filter`; all others, also unknown ones, are
/// `stop`.
finish_reason finish_of(std::string_view said) noexcept;

/// The calls, by their place, that are not to be made, and the sentence for the model: the
/// last one if the answer was cut within it (earendil-works/pi#6285), those without a name,
/// and those whose arguments are no JSON object (mastra-ai/mastra#13632). Calls without any
/// arguments get `{}`.
std::map<std::size_t, std::string> refused_calls(std::vector<tool_call>& calls, finish_reason finish);

} // namespace troupe
