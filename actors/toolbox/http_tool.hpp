#pragma once

#include "actors/remote/outbound.hpp"
#include "persistence/records.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// A tool of type `http`: how its call becomes a request, and the response a result.
/// Pure; actors/tools/http_call makes the request.
namespace troupe {

/// What a call came to.
struct tool_result {
  /// JSON as text, for the model to read; `{"error": "…"}` if the call failed.
  std::string content;
  bool failed = false;
  /// Set if another attempt may succeed: transient or throttled. What follows is the
  /// caller's to decide, and the content holds if nothing does.
  std::optional<error_class> retry;
  /// Throttled only.
  std::optional<std::chrono::milliseconds> retry_after;
  /// The HTTP status of the answer; 0 without one.
  unsigned status = 0;
};

/// What a tool's call may be made by.
inline constexpr std::array<std::string_view, 6> tool_methods{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"};

/// `{"error": message}`.
tool_result failed_tool(std::string_view message);

/// The request for a call. `arguments` is JSON as the model wrote it, where nothing at all
/// stands for no arguments. They are checked against the tool's schema (valijson); then
/// each `{name}` in the URL's path or query is replaced by that argument, percent-encoded,
/// which must be there and be a string, a number or a boolean, and must not make the path
/// another (by being empty, or a `..`). Of a GET, HEAD or DELETE the rest is added to the
/// query (objects and arrays as JSON, null not at all), of others it is the JSON body.
/// Headers get their `${env:…}`. With `key`, the request carries it as `Idempotency-Key`
/// unless the rule is `safe`. Whatever is wrong is a failed result that says so, for the
/// model.
std::variant<outbound_request, tool_result> make_tool_request(const tool_record& tool, std::string_view arguments,
                                                              const std::string& key);

/// A 2xx with a JSON body is its result as it is; with another body, the text as a JSON
/// string; empty, `{"status": 204}`. Others are `{"error": "HTTP 404 …", "status": 404, "body": …}`
/// with the body shortened; 408, 425, 429 and 5xx may be tried again, and are throttled
/// (as 429 is) if they say how long to wait.
tool_result read_tool_response(const outbound_head& head, std::string_view body, timestamp at);

/// Of a call that brought no answer. With the rule `never` and a request that may have
/// been sent, its outcome is unknown, and it is not tried again; nor is one that was
/// refused, or answered by what cannot be read.
tool_result read_tool_failure(const outbound_failure& failure, repeat_rule rule);

/// Replaces each `${env:NAME}`; nullopt if one of them is not set, or not to be used
/// (see `may_use_env`).
std::optional<std::string> expand_env(std::string_view value);

/// A name that models and tools may read their secrets from: `[A-Za-z_][A-Za-z0-9_]*`, and
/// not one of the server's own (`TROUPE_…`, `PG…`).
bool may_use_env(std::string_view name) noexcept;

} // namespace troupe
