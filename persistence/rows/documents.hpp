#pragma once

#include "persistence/records.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The JSON documents that a store keeps in one column: what is read and written
/// as a whole and never searched. A member that is missing when read keeps its
/// default, so that a document outlives the addition of a field.
namespace troupe {

/// Everything of a bot but its key (name, namespace) and its times.
std::string to_document(const bot_record& bot);
/// Fills `bot` from a text made by `to_document`, also an older one's, whose tools are
/// names of built-in ones.
void from_document(std::string_view text, bot_record& bot);

/// Everything of a model but its key (name, namespace) and its times.
std::string to_document(const model_record& model);
/// Fills `model` from a text made by `to_document`.
void from_document(std::string_view text, model_record& model);

/// An array of `{call_id, tool, arguments}`; `arguments` is a string that holds
/// JSON, byte for byte as the model gave it.
std::string to_document(const std::vector<tool_call>& calls);
std::vector<tool_call> tool_calls_from_document(std::string_view text);

} // namespace troupe
