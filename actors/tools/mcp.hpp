#pragma once

#include "actors/outbound.hpp"
#include "actors/providers/provider.hpp"
#include "actors/tools/http_tool.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The Model Context Protocol over streamable HTTP, revision 2025-06-18, as a client:
/// JSON-RPC 2.0 messages, one a POST, answered by JSON or by an event stream. Pure;
/// actors/tools/mcp_server holds the session.
namespace troupe::mcp {

inline constexpr std::string_view latest_version = "2025-06-18";

/// Message bodies. `id` numbers the request.
std::string initialize(std::int64_t id, std::string_view client_version);
std::string initialized();
std::string list_tools(std::int64_t id, std::string_view cursor);
/// `arguments` is a JSON object as text, where nothing at all stands for an empty one; of
/// anything else the server is left to say that it is none. `key` goes along as
/// `_meta.idempotencyKey` unless empty.
std::string call_tool(std::int64_t id, std::string_view tool, std::string_view arguments, std::string_view key);
std::string cancelled(std::int64_t id, std::string_view reason);

/// The headers that each message carries: `Accept`, `Content-Type`, and once they are
/// known `Mcp-Session-Id` and `MCP-Protocol-Version`.
header_list headers_of(std::string_view session, std::string_view version);

/// What the server sent in one message.
struct error {
  std::int64_t code = 0;
  std::string message;
};
struct response {
  std::int64_t id = 0;
  /// The result as JSON text, or why there is none.
  std::variant<std::string, error> result;
};
/// `notifications/tools/list_changed`, say. Requests of the server's own are notes too:
/// this client offers nothing to ask for, but owes them an answer (`answer_to`).
struct notification {
  std::string method;
  /// Of a request, its id as JSON; else empty.
  std::string id;
};
struct malformed {
  std::string error;
};
using message = std::variant<response, notification, malformed>;

/// Reads one JSON-RPC message, nested at most 64 deep.
message read(std::string_view text);

/// The message that answers a request of the server's own: `ping` succeeds, everything
/// else is not known here. Nothing if it was no request.
std::optional<std::string> answer_to(const notification& note);

/// Of the result of `initialize`. The version may be any, as long as it looks like one:
/// what this client makes use of is the same in all.
struct session_info {
  std::string version;
  std::string server_name;
  bool has_tools = false;
};
std::variant<session_info, malformed> read_session(std::string_view result);

struct tool_page {
  /// With the server's own names; what has none is left out.
  std::vector<tool_definition> tools;
  std::string next_cursor;
};
std::variant<tool_page, malformed> read_tools(std::string_view result);

/// Of the result of `tools/call`: `structuredContent` as it is if there is some, else a
/// single text as it is (JSON, or as a JSON string), else the array of contents, with
/// the data of images, audio and blobs left out but named. `isError` makes it
/// `{"error": text}`.
tool_result read_call(std::string_view result);

/// The name a model knows a server's tool by, `<server>__<tool>`: what is not in
/// `[A-Za-z0-9_-]` becomes `_`, and what is longer than 64 is cut.
std::string model_name(std::string_view server, std::string_view tool);

} // namespace troupe::mcp
