#pragma once

#include "actors/remote/outbound.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The Model Context Protocol over streamable HTTP, as a client: JSON-RPC 2.0 messages, one
/// a POST, answered by JSON or by an event stream. Two eras are spoken: *modern* is revision
/// 2026-07-28, where each request says all of itself and there is no session; *legacy* are
/// 2025-11-25 and what came before, where `initialize` opens a session. Pure;
/// actors/tools/mcp_server holds the sessions, mcp_answer finds out which one it is.
namespace troupe::mcp {

inline constexpr std::string_view modern_version = "2026-07-28";
/// What `initialize` asks for; a server answers with the one that it speaks.
inline constexpr std::string_view legacy_version = "2025-11-25";
/// What is understood of the legacy era, newest first.
inline constexpr std::string_view legacy_versions[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};

/// A message of a server's may be so deep.
inline constexpr std::size_t deepest_message = 128;

enum class era : std::uint8_t { unknown, legacy, modern };

/// How a server is spoken to.
struct manner {
  era speaks = era::unknown;
  /// Legacy: empty until `initialize` is answered.
  std::string version;

  [[nodiscard]] bool is_modern() const noexcept { return speaks == era::modern; }
};

/// Of the errors that the protocol names, those that are acted on.
namespace codes {
inline constexpr std::int64_t invalid_request = -32600;
inline constexpr std::int64_t method_not_found = -32601;
inline constexpr std::int64_t invalid_params = -32602;
inline constexpr std::int64_t internal_error = -32603;
/// 2026-07-28: headers and body disagree; the client does not have what the request needs;
/// the version is not spoken.
inline constexpr std::int64_t header_mismatch = -32020;
inline constexpr std::int64_t missing_capability = -32021;
inline constexpr std::int64_t unsupported_version = -32022;
} // namespace codes

// -- what is sent ---------------------------------------------------------------------

/// A message and the headers it goes with. The session's is the sender's to add.
struct outgoing {
  std::string body;
  header_list headers;
};

/// `server/discover`: what a modern server is; a legacy one refuses it.
outgoing discover(std::int64_t id);
outgoing initialize(std::int64_t id);
outgoing initialized(const manner& how);
/// `cursor` may be the empty string, which is one too.
outgoing list_tools(const manner& how, std::int64_t id, const std::optional<std::string>& cursor);

struct tool_call_request {
  std::string_view tool;
  /// A JSON object as text, sent as it stands, where nothing at all stands for an empty one;
  /// of anything else the server is left to say that it is none.
  std::string_view arguments;
  /// Goes along as `_meta.idempotencyKey` unless empty.
  std::string_view key;
  /// What the server has asked to see again; none on the first round.
  std::optional<std::string> request_state{};
  /// `Mcp-Param-…`, see `mirrored_headers`.
  header_list mirrored{};
};
outgoing call_tool(const manner& how, std::int64_t id, const tool_call_request& call);

/// Legacy: that request `id` is not waited for any more. In the modern era closing the
/// stream says so.
outgoing cancelled(const manner& how, std::int64_t id, std::string_view reason);
/// Modern: a stream that tells when the tools have changed.
outgoing listen(const manner& how, std::int64_t id);
/// Legacy: the headers of a GET, which opens the server's own stream, or takes one up behind
/// its event `last_event_id`.
header_list stream_headers(const manner& how, std::string_view last_event_id);

/// As a field's value: plain ASCII as it is, anything else (also what has spaces around it,
/// or looks encoded) as `=?base64?…?=`.
std::string header_value(std::string_view text);

// -- what comes -----------------------------------------------------------------------

struct error {
  std::int64_t code = 0;
  std::string message;
  /// `data.supported` of an unsupported version.
  std::vector<std::string> supported{};
};
/// Stands for an id that is none of ours.
inline constexpr std::int64_t no_id = -1;

struct response {
  /// None if the server could not tell which request it answers.
  std::optional<std::int64_t> id;
  /// The result as JSON text, or why there is none.
  std::variant<std::string, error> result;

  /// True if it answers request `asked`, or may.
  [[nodiscard]] bool answers(std::int64_t asked) const noexcept { return !id || *id == asked; }
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

/// Reads one JSON-RPC message.
message read(std::string_view text);
/// The same of a body or an event, which in revision 2025-03-26 may be a batch: an array of
/// at most 100 messages.
std::vector<message> read_all(std::string_view text);

/// The message that answers a request of the server's own: `ping` succeeds, everything
/// else is not known here. Nothing if it was no request, and in the modern era, where
/// nobody may answer.
std::optional<outgoing> answer_to(const manner& how, const notification& note);

/// Of the result of `initialize` or `server/discover`.
struct server_info {
  /// `initialize`: any, as long as it looks like one, since what this client makes use of is
  /// the same in all. Empty for `server/discover`.
  std::string version;
  /// `server/discover`: those that the server speaks.
  std::vector<std::string> supported{};
  std::string name;
  bool has_tools = false;
  /// It says when its tools change.
  bool tells_changes = false;
};
std::variant<server_info, malformed> read_initialized(std::string_view result);
std::variant<server_info, malformed> read_discovered(std::string_view result);

} // namespace troupe::mcp
