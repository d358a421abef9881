#pragma once

#include "persistence/operations.hpp"

#include <string>
#include <string_view>

/// The journal entries that a task's actor writes about its chat. Pure.
namespace troupe {

/// Arguments that are no JSON, as models write them at times, are shown as a string.
new_event tool_started(const tool_call& call);

/// `result` is JSON.
new_event tool_finished(const tool_call& call, std::string_view result);

new_event chat_done(std::string_view model, finish_reason finish, const token_usage& usage);

/// What a price makes of tokens, in billionths of its currency.
std::int64_t cost_of(const token_usage& usage, const model_price& price) noexcept;

} // namespace troupe
