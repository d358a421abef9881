#include "gateway/requests/problem.hpp"

#include "persistence/values/json_text.hpp"

namespace troupe {

// -- the catalogue --------------------------------------------------------------

std::string_view to_string(problem_code code) noexcept {
  switch (code) {
  case problem_code::malformed_request: return "malformed_request";
  case problem_code::invalid_json: return "invalid_json";
  case problem_code::invalid_parameter: return "invalid_parameter";
  case problem_code::unknown_parameter: return "unknown_parameter";
  case problem_code::invalid_cursor: return "invalid_cursor";
  case problem_code::invalid_id: return "invalid_id";
  case problem_code::invalid_header: return "invalid_header";
  case problem_code::bot_invalid: return "bot_invalid";
  case problem_code::origin_refused: return "origin_refused";
  case problem_code::not_found: return "not_found";
  case problem_code::method_not_allowed: return "method_not_allowed";
  case problem_code::not_acceptable: return "not_acceptable";
  case problem_code::request_timeout: return "request_timeout";
  case problem_code::conflict: return "conflict";
  case problem_code::illegal_transition: return "illegal_transition";
  case problem_code::idempotency_key_reused: return "idempotency_key_reused";
  case problem_code::task_finished: return "task_finished";
  case problem_code::task_cancelled: return "task_cancelled";
  case problem_code::thread_busy: return "thread_busy";
  case problem_code::payload_too_large: return "payload_too_large";
  case problem_code::target_too_long: return "target_too_long";
  case problem_code::unsupported_media_type: return "unsupported_media_type";
  case problem_code::not_a_gateway: return "not_a_gateway";
  case problem_code::misdirected_request: return "misdirected_request";
  case problem_code::invalid_body: return "invalid_body";
  case problem_code::unknown_field: return "unknown_field";
  case problem_code::thread_not_found: return "thread_not_found";
  case problem_code::upgrade_required: return "upgrade_required";
  case problem_code::header_too_large: return "header_too_large";
  case problem_code::internal: return "internal";
  case problem_code::task_failed: return "task_failed";
  case problem_code::not_implemented: return "not_implemented";
  case problem_code::unavailable: return "unavailable";
  case problem_code::store_unavailable: return "store_unavailable";
  case problem_code::http_version_not_supported: return "http_version_not_supported";
  }
  return "internal";
}

unsigned status_of(problem_code code) noexcept {
  switch (code) {
  case problem_code::malformed_request:
  case problem_code::invalid_json:
  case problem_code::invalid_parameter:
  case problem_code::unknown_parameter:
  case problem_code::invalid_cursor:
  case problem_code::invalid_id:
  case problem_code::invalid_header:
  case problem_code::bot_invalid: return 400;
  case problem_code::origin_refused: return 403;
  case problem_code::not_found: return 404;
  case problem_code::method_not_allowed: return 405;
  case problem_code::not_acceptable: return 406;
  case problem_code::request_timeout: return 408;
  case problem_code::conflict:
  case problem_code::illegal_transition:
  case problem_code::idempotency_key_reused:
  case problem_code::task_finished:
  case problem_code::task_cancelled:
  case problem_code::thread_busy: return 409;
  case problem_code::payload_too_large: return 413;
  case problem_code::target_too_long: return 414;
  case problem_code::unsupported_media_type: return 415;
  case problem_code::not_a_gateway:
  case problem_code::misdirected_request: return 421;
  case problem_code::invalid_body:
  case problem_code::unknown_field:
  case problem_code::thread_not_found: return 422;
  case problem_code::upgrade_required: return 426;
  case problem_code::header_too_large: return 431;
  case problem_code::internal:
  case problem_code::task_failed: return 500;
  case problem_code::not_implemented: return 501;
  case problem_code::unavailable:
  case problem_code::store_unavailable: return 503;
  case problem_code::http_version_not_supported: return 505;
  }
  return 500;
}

std::string_view title_of(problem_code code) noexcept {
  switch (code) {
  case problem_code::malformed_request: return "The HTTP message is malformed";
  case problem_code::invalid_json: return "The body is not valid JSON";
  case problem_code::invalid_parameter: return "A parameter is invalid";
  case problem_code::unknown_parameter: return "A query parameter is unknown or given twice";
  case problem_code::invalid_cursor: return "The cursor is invalid";
  case problem_code::invalid_id: return "The identifier is no UUID";
  case problem_code::invalid_header: return "A header field is invalid";
  case problem_code::bot_invalid: return "The task's bot cannot be used";
  case problem_code::origin_refused: return "Pages of this origin may not do this";
  case problem_code::not_found: return "Not found";
  case problem_code::method_not_allowed: return "The method is not allowed here";
  case problem_code::not_acceptable: return "No acceptable representation";
  case problem_code::request_timeout: return "The request took too long to arrive";
  case problem_code::conflict: return "The resource changed meanwhile";
  case problem_code::illegal_transition: return "The task's status does not allow this";
  case problem_code::idempotency_key_reused: return "The idempotency key was used for another request";
  case problem_code::task_finished: return "The task is finished already";
  case problem_code::task_cancelled: return "The task was cancelled";
  case problem_code::thread_busy: return "The thread is busy";
  case problem_code::payload_too_large: return "The body is too large";
  case problem_code::target_too_long: return "The request target is too long";
  case problem_code::unsupported_media_type: return "The media type is not supported";
  case problem_code::not_a_gateway: return "This node takes no requests of clients";
  case problem_code::misdirected_request: return "The request was sent to another server's name";
  case problem_code::invalid_body: return "The body is not what is asked for";
  case problem_code::unknown_field: return "The body has unknown members";
  case problem_code::thread_not_found: return "The thread does not exist";
  case problem_code::upgrade_required: return "This path speaks WebSocket only";
  case problem_code::header_too_large: return "The header is too large";
  case problem_code::internal: return "The server failed";
  case problem_code::task_failed: return "The task failed";
  case problem_code::not_implemented: return "Not implemented";
  case problem_code::unavailable: return "The server cannot serve this now";
  case problem_code::store_unavailable: return "The store cannot serve this now";
  case problem_code::http_version_not_supported: return "The HTTP version is not supported";
  }
  return "The server failed";
}

// -- rendering --------------------------------------------------------------------

http_response to_response(const problem& p) {
  http_response response;
  response.status = status_of(p.code);
  response.content_type = "application/problem+json";
  auto& out = response.body;
  out.reserve(256 + p.extra_json_members.size());
  {
    json_object members{out};
    auto& type = members.open("type");
    type += "\"urn:troupe:problem:";
    type += to_string(p.code);
    type += '"';
    members.add("title", title_of(p.code)).add("status", response.status).add("code", to_string(p.code));
    if (!p.detail.empty())
      members.add("detail", p.detail);
    if (!p.instance.empty())
      members.add("instance", p.instance);
    if (!p.errors.empty()) {
      json_array list{members.open("errors")};
      for (const auto& error : p.errors) {
        const bool about_body = error.parameter.empty();
        json_object{list.open()}
          .add(about_body ? "pointer" : "parameter", about_body ? error.pointer : error.parameter)
          .add("detail", error.detail);
      }
    }
    if (!p.extra_json_members.empty()) {
      out += ',';
      out += p.extra_json_members;
    }
  }
  response.headers = p.headers;
  if (p.retry_after)
    response.headers.emplace_back("Retry-After", std::to_string(p.retry_after->count()));
  return response;
}

void add_request_id(http_response& response, std::string_view id) {
  if (id.empty() || response.content_type != "application/problem+json" || !response.body.ends_with('}'))
    return;
  response.body.pop_back();
  response.body.append(R"(,"request_id":")").append(id).append("\"}");
}

// -- where problems come from -------------------------------------------------------

namespace {

problem_code code_of(errc code) noexcept {
  switch (code) {
  case errc::not_found: return problem_code::not_found;
  case errc::illegal_transition: return problem_code::illegal_transition;
  case errc::fenced: return problem_code::conflict;
  case errc::thread_busy: return problem_code::thread_busy;
  case errc::key_reused: return problem_code::idempotency_key_reused;
  case errc::bot_invalid: return problem_code::bot_invalid;
  case errc::thread_not_found: return problem_code::thread_not_found;
  case errc::unavailable: return problem_code::store_unavailable;
  case errc::attempt_failed:
  case errc::crashed:
  case errc::schema_too_new:
  case errc::unsuitable: return problem_code::internal;
  }
  return problem_code::internal;
}

problem_code code_of_transport_status(unsigned status) noexcept {
  switch (status) {
  case 400: return problem_code::malformed_request;
  case 408: return problem_code::request_timeout;
  case 413: return problem_code::payload_too_large;
  case 414: return problem_code::target_too_long;
  case 431: return problem_code::header_too_large;
  case 501: return problem_code::not_implemented;
  case 503: return problem_code::unavailable;
  case 505: return problem_code::http_version_not_supported;
  default: return problem_code::internal;
  }
}

std::string task_member(std::string_view task_json) {
  std::string out = "\"task\":";
  out += task_json;
  return out;
}

} // namespace

problem from_store_error(const store_error& error) {
  problem result{.code = code_of(error.code), .detail = error.message};
  if (error.code == errc::thread_not_found)
    result.errors.push_back({.pointer = "/thread_id", .detail = error.message});
  if (error.code == errc::unavailable)
    result.retry_after = std::chrono::seconds{1};
  return result;
}

problem from_transport_status(unsigned status, std::string_view detail) {
  problem result{.code = code_of_transport_status(status), .detail = std::string{detail}};
  if (status == 503)
    result.retry_after = std::chrono::seconds{1};
  return result;
}

problem no_such_path(std::string_view path) {
  return {.code = problem_code::not_found,
          .detail = "This path does not exist; GET /openapi.json lists those that do.",
          .instance = std::string{path}};
}

problem method_not_allowed(std::string_view method, std::string_view allow) {
  problem result{.code = problem_code::method_not_allowed};
  // A method's name is any token of any length (RFC 9110, section 9.1).
  result.detail = method.size() <= 20 ? std::string{method} : "This method";
  result.detail += " is not allowed here; use ";
  result.detail += allow;
  result.detail += '.';
  result.headers.emplace_back("Allow", allow);
  return result;
}

problem task_is_finished(task_status status, std::string_view task_json) {
  problem result{.code = problem_code::task_finished};
  result.detail = "The task is ";
  result.detail += to_string(status);
  result.detail += status == task_status::completed ? "; create a new one in its thread to go on."
                                                    : "; POST …/retry runs it again.";
  result.extra_json_members = task_member(task_json);
  return result;
}

problem task_ended_badly(const task_record& task, std::string_view task_json) {
  const bool cancelled = task.status == task_status::cancelled;
  problem result{.code = cancelled ? problem_code::task_cancelled : problem_code::task_failed};
  if (task.error && !task.error->empty())
    result.detail = *task.error;
  else
    result.detail = cancelled ? "The task was cancelled while it was waited for." : "The task failed.";
  result.extra_json_members = task_member(task_json);
  return result;
}

} // namespace troupe
