#pragma once

#include "persistence/records.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

/// What a model is shown of a thread. Pure.
namespace troupe {

/// The messages that fit into `budget` estimated tokens beside the system prompt and
/// `reserved` others (tool definitions). Whole turns (the messages of one task) are left
/// out, the oldest first; the latest turn always stays, however long. So that it is
/// well-formed whatever was interrupted: a tool call without a result gets one that says
/// so, results stand behind their intent in the order of its calls, a result without an
/// intent is left out, and so are assistant messages with neither text nor calls.
std::vector<message_record> fit_window(std::span<const message_record> history, std::string_view system_prompt,
                                       std::int64_t reserved, std::int64_t budget);

/// Estimated tokens of a message, calls and framing included.
std::int64_t estimate_tokens(const message_record& message) noexcept;

/// What a call will take, roughly: what it says, and the bot's limit for the answer, else
/// what is usual. `input` counts if there is no history.
token_usage estimate_call(const bot_record& bot, std::span<const message_record> history, std::string_view input);

} // namespace troupe
