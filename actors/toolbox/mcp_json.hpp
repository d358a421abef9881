#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// Reading and writing the JSON of an MCP server, which may be anything, and whose numbers
/// keep their digits (persistence/values/exact_json.hpp). Pure; nothing throws.
namespace troupe::mcp {

using json = nlohmann::json;

/// An object nested at most `max_depth` deep; invalid UTF-8 in it is none.
std::optional<json> parse(std::string_view text, std::size_t max_depth);

/// As text, whatever its strings hold.
std::string to_text(const json& value);

/// Null if `object` is none, or has no such member; a null is one.
const json* member(const json& object, const char* name);

/// Without control characters; empty unless the member is a string.
std::string string_in(const json& object, const char* name);

/// False unless the member is `true`.
bool is_true(const json& object, const char* name);

} // namespace troupe::mcp
