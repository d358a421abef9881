#pragma once

#include "actors/remote/outbound.hpp"
#include "actors/toolbox/http_tool.hpp"
#include "actors/toolbox/mcp.hpp"
#include "actors/toolbox/toolbox.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

/// What one request to an MCP server came to, and what is to be made of it: which era the
/// server speaks, whether a session is lost, whether an outcome is unknown. Pure.
namespace troupe::mcp {

struct answer {
  outbound_head head;
  /// The answer to what was asked; none if there was none.
  std::optional<response> answered{};
  /// What the body was if it was no answer, shortened.
  std::string body{};
  /// The body was an event stream.
  bool streamed = false;
  /// Where the stream may be taken up again; empty if it may not.
  std::string last_event_id{};
  /// How long the server asks to wait before that.
  std::optional<std::chrono::milliseconds> reconnect_after{};
  /// What kept the answer from being whole.
  std::optional<outbound_failure> failure{};

  [[nodiscard]] bool is_good() const noexcept { return !failure && head.status / 100 == 2; }
  /// The error in it; null if there is none.
  [[nodiscard]] const error* refusal() const noexcept;
  [[nodiscard]] bool refused_with(std::int64_t code) const noexcept;
  /// The server took the request, and ended its answer without one: nobody knows what
  /// became of it.
  [[nodiscard]] bool is_missing() const noexcept;
};

/// The result, or why there is none. What no other try can change (a version that is not
/// spoken, 401, 403, 404, an answer that is no MCP) is permanent; 429 and whatever says how
/// long to wait is throttled; the rest is transient.
std::variant<std::string, toolbox_failure> result_of(const answer& got, timestamp at);

/// Legacy: the server does not know the session that the request named, so that it has done
/// nothing. 404 by the protocol; by words, under whatever status, where a server takes an
/// unknown session for none or says it as an error of its own. A 400 that speaks of
/// something else is about the request.
bool has_lost_session(const answer& got);

/// Where a request is to be made again, as it is: of a 307 or 308 to another place of the same
/// origin (`/mcp` to `/mcp/`; modelcontextprotocol/python-sdk#732, PrefectHQ/fastmcp#1867).
/// Nothing for another origin, which would get headers that are not for it.
std::optional<std::string> moved_to(const outbound_head& head, std::string_view from);

/// Modern: the server does not speak like that any more; it is to be asked again what it
/// speaks.
bool has_changed_era(const answer& got, const manner& how) noexcept;

/// What came of a call that has no result.
tool_result call_failure(const answer& got, repeat_rule rule, timestamp at);

// -- which era ------------------------------------------------------------------------

/// The server speaks this.
struct speaks_modern {
  manner how;
  server_info info;
};
/// It has to be greeted with `initialize`.
struct needs_initialize {};

/// Of the answer to `server/discover` (2026-07-28, "Versioning", and what servers were seen to
/// do): an error that only the modern era knows is modern, every other refusal, of whatever
/// status, may be a legacy server's, and so may silence.
std::variant<speaks_modern, needs_initialize, toolbox_failure> judge_probe(const answer& got, timestamp at);

/// Of a refused `initialize`: a server of the modern era that has no `server/discover` may
/// still be there.
bool may_be_modern(const answer& got) noexcept;
/// What is assumed of such a server.
speaks_modern assumed_modern();

} // namespace troupe::mcp
