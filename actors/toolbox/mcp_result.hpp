#pragma once

#include "actors/toolbox/http_tool.hpp"

#include <string>
#include <string_view>
#include <variant>

/// The result of a `tools/call`, as a model is to read it. Pure.
namespace troupe::mcp {

/// The server wants to be asked once more, with this (2026-07-28, `input_required`).
struct another_round {
  std::string request_state;
};

/// `structuredContent` as it is, whatever kind of JSON, if the content says the same or nothing;
/// `{"content": …, "structuredContent": …}` if it says more. Content is a single text as it is
/// (JSON, or as a JSON string), else the array of its blocks. Data of images, audio and blobs
/// is left out, wherever it stands, and so are long runs of base64; what was left out is
/// named. `isError` makes it `{"error": text}`. A server that asks for something else first,
/// or answers with a kind of result that is not known, is an error that says so.
std::variant<tool_result, another_round> read_call(std::string_view result);

} // namespace troupe::mcp
