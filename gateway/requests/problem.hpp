#pragma once

#include "gateway/requests/transport.hpp"
#include "persistence/operations.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Every refusal of the HTTP API, as RFC 9457 problem details. The codes are a
/// closed catalogue; status and title follow from the code in one place, and
/// `type` is `urn:troupe:problem:<code>`.
namespace troupe {

/// The stable names of what can go wrong. A client may branch on them; they are
/// never renamed.
enum class problem_code : std::uint8_t {
  // -- 400: the request cannot be read
  /// The HTTP message itself is broken.
  malformed_request,
  /// The body is not strict JSON (RFC 8259, UTF-8, no duplicate names).
  invalid_json,
  /// A query parameter or a part of the path has a value that it cannot have.
  invalid_parameter,
  /// A query parameter that this path does not know, or one given twice.
  unknown_parameter,
  /// A cursor that this server did not make, or made for another list.
  invalid_cursor,
  /// A task or thread identifier that is no UUID.
  invalid_id,
  /// A header field with a value that it cannot have.
  invalid_header,
  /// The task's bot does not exist, or its model does not.
  bot_invalid,

  // -- 403 to 431: the request is readable but cannot be served as it is
  /// A page of another origin, which may not do this.
  origin_refused,
  not_found,
  /// The path exists, with other methods; `Allow` names them.
  method_not_allowed,
  not_acceptable,
  /// The client took too long to send the request.
  request_timeout,
  /// The resource changed under the request.
  conflict,
  /// The task's status does not allow this.
  illegal_transition,
  /// The key was used before with another request.
  idempotency_key_reused,
  /// The task is finished already.
  task_finished,
  /// The awaited task was cancelled; the task is inside as `task`.
  task_cancelled,
  /// The bot rejects a new turn while its thread is busy.
  thread_busy,
  payload_too_large,
  target_too_long,
  unsupported_media_type,
  /// The node runs tasks and takes no requests of clients.
  not_a_gateway,
  /// `Host` is a name that this server does not go by.
  misdirected_request,
  /// The body is JSON, but not what is asked for; `errors` says where.
  invalid_body,
  /// The body has members that do not exist here; `errors` names them.
  unknown_field,
  /// The body names a thread that does not exist in this namespace.
  thread_not_found,
  /// The path speaks WebSocket only.
  upgrade_required,
  header_too_large,

  // -- 5xx
  internal,
  /// The awaited task failed; the task is inside as `task`.
  task_failed,
  not_implemented,
  /// Starting, busy or draining; `Retry-After` says when to try again.
  unavailable,
  /// The store does not answer or cannot commit; `Retry-After` says when to try again.
  store_unavailable,
  http_version_not_supported,
};

/// The code as it stands in `code` and `type`.
std::string_view to_string(problem_code code) noexcept;

/// The HTTP status of a code: the only place that decides it.
unsigned status_of(problem_code code) noexcept;

/// The short summary of a code; the same for every occurrence (RFC 9457, section 3.1.3).
std::string_view title_of(problem_code code) noexcept;

/// One thing that is wrong with a body or a query.
struct field_error {
  /// Where in the body, as a JSON pointer (RFC 6901); empty for the whole body.
  std::string pointer;
  /// A sentence.
  std::string detail;
  /// The query parameter, if it is not about the body.
  std::string parameter{};
};

/// A refusal.
struct problem {
  problem_code code = problem_code::internal;
  /// A sentence about this occurrence: what was wrong and what to do.
  std::string detail{};
  /// URI reference of what it is about, mostly the path; empty for none.
  std::string instance{};
  std::vector<field_error> errors{};
  std::optional<std::chrono::seconds> retry_after{};
  /// Further members as JSON text without the braces: `"task":{…}`.
  std::string extra_json_members{};
  /// Further header fields, such as `Allow`.
  std::vector<std::pair<std::string, std::string>> headers{};
};

/// What a parser makes of something that a client sent.
template <class T>
using parsed = std::variant<problem, T>;

/// `application/problem+json` with the code's status, and `Retry-After` where it is set.
http_response to_response(const problem& p);

/// Adds `request_id` to a body that is a problem's; other answers stay as they are. The
/// connection calls it for each answer, so that no refusal lacks it. `id` is well-formed.
void add_request_id(http_response& response, std::string_view id);

/// What the store refused, as the API says it.
problem from_store_error(const store_error& error);

/// What the transport refused by itself; `status` as in `request_handler::refusal`.
problem from_transport_status(unsigned status, std::string_view detail);

/// 404 for a path that does not exist.
problem no_such_path(std::string_view path);

/// 405; `allow` is the value of the header field: `GET, PUT`.
problem method_not_allowed(std::string_view method, std::string_view allow);

/// 409 for a finished task that somebody wants to execute; `task_json` is put inside.
problem task_is_finished(task_status status, std::string_view task_json);

/// The answer to somebody who waited for a task that ended FAILED (500) or
/// CANCELLED (409), with the task inside.
problem task_ended_badly(const task_record& task, std::string_view task_json);

} // namespace troupe
