#pragma once

#include "actors/providers/provider.hpp"
#include "actors/providers/shown_thread.hpp"

#include <nlohmann/json_fwd.hpp>

#include <span>
#include <string>
#include <vector>

/// What the bodies of all protocols' requests are made of. Pure.
namespace troupe::providers {

/// A tool as it is offered: its schema shown (`show_schema`), or one that stands for tools
/// which the history has used and the bot does not have any more, since strict gateways
/// refuse a history with calls and no tools (anthropics/anthropic-sdk-typescript#602).
/// Those that the provider has refused are left out.
std::vector<tool_definition> offered_tools(const prompt& what, std::span<const shown_message> shown);

/// The body as text: `head` with the model's parameters in it (null takes a member out),
/// then `messages` and `tools`, which are JSON already; the latter only if not empty.
std::string finish_body(const nlohmann::json& head, std::string_view messages, std::string_view tools);

/// Puts the model's `parameters` in place of members of `head`, or beside them.
void apply_parameters(nlohmann::json& head, const model_record& model);

/// The system prompt in front of the first message, for models that take none.
void tell_as_user(std::string_view system_prompt, std::vector<shown_message>& shown);

} // namespace troupe::providers
