#include "gateway/routes.hpp"

#include "gateway/accept.hpp"
#include "gateway/access_log.hpp"
#include "gateway/api.hpp"
#include "gateway/event_stream_head.hpp"
#include "gateway/gateway_actor.hpp"
#include "gateway/header_list.hpp"
#include "gateway/parse_task.hpp"
#include "persistence/log.hpp"

#include <boost/beast/core/string.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace troupe {

namespace http = boost::beast::http;

struct route {
  http::verb method;
  /// Parts are compared one by one; `{…}` takes any one part.
  std::string_view pattern;
  need needs;
  /// The query parameters that it knows, separated by spaces; all others are refused.
  std::string_view parameters;
  route_function serve;
};

namespace {

constexpr std::string_view none;
constexpr std::string_view of_namespace = "namespace";
constexpr std::string_view of_page = "namespace limit cursor";
constexpr std::string_view of_tasks
  = "namespace status created_by thread_id bot created_after created_before limit cursor";

constexpr std::array routes{
  route{http::verb::get, "/healthz", need::process, none, api::get_health},
  route{http::verb::get, "/readyz", need::process, none, api::get_readiness},
  route{http::verb::get, "/metrics", need::process, none, api::get_metrics},
  route{http::verb::get, "/openapi.json", need::process, none, api::get_openapi},
  route{http::verb::get, "/api/v1/models", need::gateway, of_page, api::list_models},
  route{http::verb::get, "/api/v1/models/{name}", need::gateway, of_namespace, api::get_model},
  route{http::verb::put, "/api/v1/models/{name}", need::commit, of_namespace, api::put_model},
  route{http::verb::delete_, "/api/v1/models/{name}", need::commit, of_namespace, api::delete_model},
  route{http::verb::get, "/api/v1/bots", need::gateway, of_page, api::list_bots},
  route{http::verb::get, "/api/v1/bots/{name}", need::gateway, of_namespace, api::get_bot},
  route{http::verb::put, "/api/v1/bots/{name}", need::commit, of_namespace, api::put_bot},
  route{http::verb::delete_, "/api/v1/bots/{name}", need::commit, of_namespace, api::delete_bot},
  route{http::verb::post, "/api/v1/bots/{name}/validate", need::gateway, of_namespace, api::validate_bot},
  route{http::verb::get, "/api/v1/bots/{name}/budget", need::gateway, of_namespace, api::get_bot_budget},
  route{http::verb::get, "/api/v1/namespaces/{name}/budget", need::gateway, none, api::get_namespace_budget},
  route{http::verb::put, "/api/v1/namespaces/{name}/budget", need::commit, none, api::put_namespace_budget},
  route{http::verb::delete_, "/api/v1/namespaces/{name}/budget", need::commit, none, api::delete_namespace_budget},
  route{http::verb::post, "/api/v1/tasks", need::new_work, "namespace bot_name", api::create_task},
  route{http::verb::get, "/api/v1/tasks", need::gateway, of_tasks, api::list_tasks},
  route{http::verb::get, "/api/v1/tasks/{id}", need::gateway, of_namespace, api::get_task},
  route{http::verb::delete_, "/api/v1/tasks/{id}", need::commit, of_namespace, api::delete_task},
  route{http::verb::patch, "/api/v1/tasks/{id}/status", need::commit, of_namespace, api::patch_task_status},
  route{http::verb::post, "/api/v1/tasks/{id}/execute", need::new_work, "namespace bot_name", api::execute_task},
  route{http::verb::post, "/api/v1/tasks/{id}/cancel", need::commit, of_namespace, api::cancel_task},
  route{http::verb::post, "/api/v1/tasks/{id}/retry", need::new_work, of_namespace, api::retry_task},
  route{http::verb::get, "/api/v1/tasks/{id}/messages", need::gateway, of_page, api::get_task_messages},
  route{http::verb::get, "/api/v1/tasks/{id}/attempts", need::gateway, of_page, api::get_attempts},
  route{http::verb::get, "/api/v1/tasks/{id}/events", need::gateway, "namespace after limit cursor",
        api::get_task_events},
  route{http::verb::get, "/api/v1/tasks/{id}/chat", need::gateway, "namespace after", api::open_chat},
  route{http::verb::get, "/api/v1/tasks/{id}/approvals", need::gateway, of_page, api::get_task_approvals},
  route{http::verb::post, "/api/v1/tasks/{id}/approvals/{call_id}", need::commit, of_namespace, api::decide_approval},
  route{http::verb::get, "/api/v1/approvals", need::gateway, "namespace status limit cursor", api::list_approvals},
  route{http::verb::get, "/api/v1/usage", need::gateway, "namespace group_by from to", api::get_usage},
  route{http::verb::get, "/api/v1/threads/{id}", need::gateway, of_namespace, api::get_thread},
  route{http::verb::get, "/api/v1/threads/{id}/messages", need::gateway, of_page, api::get_thread_messages},
  route{http::verb::get, "/api/v1/user/notifications", need::gateway, "namespace created_by after",
        api::open_notifications},
  route{http::verb::get, "/api/v1/events", need::gateway, of_namespace, api::open_events},
  route{http::verb::get, "/api/v1/queue", need::gateway, "limit cursor", api::get_queue},
  route{http::verb::get, "/api/v1/nodes", need::gateway, none, api::get_nodes},
};

/// Whether the parts of a path match a pattern; `found` gets what each `{…}` stands for,
/// which is never empty.
bool matches(std::string_view pattern, const std::vector<std::string>& parts, std::vector<std::string>& found) {
  found.clear();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (pattern.empty())
      return false;
    pattern.remove_prefix(1);
    const auto piece = pattern.substr(0, pattern.find('/'));
    if (piece.starts_with('{') && !parts[i].empty())
      found.push_back(parts[i]);
    else if (piece != parts[i])
      return false;
    pattern.remove_prefix(piece.size());
  }
  return pattern.empty();
}

/// As `Allow` lists them.
constexpr auto methods_of_the_server = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

std::string methods_of(const std::vector<std::string>& parts) {
  std::string methods;
  std::vector<std::string> found;
  for (const auto& candidate : routes) {
    if (!matches(candidate.pattern, parts, found))
      continue;
    methods += std::string{http::to_string(candidate.method)} + ", ";
    if (candidate.method == http::verb::get)
      methods += "HEAD, ";
  }
  return methods.empty() ? methods : methods + "OPTIONS";
}

/// In hexadecimal, since stores keep it as text.
std::string digest(const http_request& request) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  for (const std::string_view part : {std::string_view{request.method_name}, std::string_view{request.path},
                                      std::string_view{request.query}, std::string_view{request.body}}) {
    // A NUL between the parts: it is in none of the first three, so no two requests run together.
    EVP_DigestUpdate(context.get(), part.data(), part.size());
    EVP_DigestUpdate(context.get(), "", 1);
  }
  EVP_DigestFinal_ex(context.get(), bytes.data(), &size);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(std::size_t{size} * 2);
  for (unsigned i = 0; i < size; ++i) {
    text += digits[bytes[i] >> 4U];
    text += digits[bytes[i] & 15U];
  }
  return text;
}

} // namespace

// -- request_context ----------------------------------------------------------

request_context::request_context(gateway_state& gateway, std::shared_ptr<exchange> ex)
  : gateway_{gateway}, exchange_{std::move(ex)} {}

void request_context::respond(http_response response) {
  note_answered(response.status);
  const auto size = response.body.size();
  exchange_->respond(std::move(response));
  gateway_.note_given(size);
}

void request_context::respond_json(unsigned status, std::string body) {
  respond({status, "application/json", std::move(body), {}});
}

void request_context::refuse(problem reason) {
  if (reason.instance.empty())
    reason.instance = request().path;
  if (reason.code == problem_code::internal)
    logging::error("request failed", [&](auto& line) {
      line.add("request_id", request().id).add("route", route_).add("error", reason.detail);
    });
  const bool comes_back = time_cures(reason.code) && is_event_stream_request(request());
  respond(comes_back ? ask_to_reconnect(reason) : to_response(reason));
}

void request_context::refuse(const store_error& reason) {
  refuse(from_store_error(reason));
}

void request_context::note_answered(unsigned status) {
  // A method of the client's own invention must not become a label: there is no end of them.
  const std::string_view method
    = request().method == http::verb::unknown ? std::string_view{"other"} : request().method_name;
  gateway_.config().measured->http_request(method, route_, status);
  logging::debug("request", [&](auto& line) {
    line.add("method", method).add("route", route_).add("path", request().path).add("status", status);
    line.add("request_id", request().id);
  });
}

void request_context::dispatch(gateway_state& gateway, std::shared_ptr<exchange> ex) {
  const auto context = std::make_shared<request_context>(gateway, std::move(ex));
  const auto& request = context->request();
  // Neither has a path.
  if (request.method == http::verb::connect) {
    context->refuse({problem_code::not_implemented, "This server is no proxy: it opens no connections for clients."});
    return;
  }
  if (request.path == "*") {
    context->tell_methods(methods_of_the_server);
    return;
  }
  auto parts = split_path(request.path);
  if (auto* wrong = std::get_if<problem>(&parts)) {
    context->refuse(std::move(*wrong));
    return;
  }
  // HEAD is GET whose body the server leaves out.
  const auto method = request.method == http::verb::head ? http::verb::get : request.method;
  for (const auto& candidate : routes) {
    if (!matches(candidate.pattern, std::get<std::vector<std::string>>(parts), context->parts_))
      continue;
    context->route_ = candidate.pattern;
    if (request.access)
      request.access->route.store(candidate.pattern.data(), std::memory_order_release);
    if (candidate.method == method) {
      context->serve(candidate);
      return;
    }
  }
  const auto allowed = methods_of(std::get<std::vector<std::string>>(parts));
  if (allowed.empty())
    context->refuse(no_such_path(request.path));
  else if (method == http::verb::options)
    context->tell_methods(allowed);
  else
    context->refuse(method_not_allowed(request.method_name, allowed));
}

void request_context::tell_methods(const std::string& allowed) {
  respond({204, "", "", {{"Allow", allowed}}});
}

void request_context::serve(const route& served) {
  auto refused = refusal_of(served.needs, condition_of(gateway_));
  if (!refused) {
    query_.emplace(request().query, served.parameters);
    // Every path that takes a namespace takes it like this, also one that makes nothing of it.
    query_->ns();
    refused = query_->finish();
  }
  if (refused)
    refuse(std::move(*refused));
  else
    served.serve(shared_from_this());
}

std::string allowed_methods(std::string_view path) {
  if (path == "*")
    return methods_of_the_server;
  const auto parts = split_path(path);
  const auto* split = std::get_if<std::vector<std::string>>(&parts);
  return split == nullptr ? std::string{} : methods_of(*split);
}

node_condition condition_of(const gateway_state& gateway) {
  const auto& config = gateway.config();
  return {config.serves_api, config.draining->load(std::memory_order_relaxed),
          !config.store_available || config.store_available()};
}

// -- what several routes ask of a request ---------------------------------------

namespace {

std::optional<uuid> id_in_path(const context_ptr& context, std::string_view what) {
  auto id = path_id(context->part(), what);
  if (auto* wrong = std::get_if<problem>(&id)) {
    context->refuse(std::move(*wrong));
    return std::nullopt;
  }
  return std::get<uuid>(id);
}

} // namespace

std::optional<uuid> task_id_of(const context_ptr& context) {
  return id_in_path(context, "task id");
}

std::optional<uuid> thread_id_of(const context_ptr& context) {
  return id_in_path(context, "thread id");
}

bool refuse_media_type(const context_ptr& context) {
  const auto& request = context->request();
  if (request.body.empty())
    return false;
  const auto coding = request.headers[http::field::content_encoding];
  if (!coding.empty() && !boost::beast::iequals(coding, "identity")) {
    context->refuse(
      {problem_code::unsupported_media_type, "The body must not be compressed: Content-Encoding is not read."});
    return true;
  }
  std::string type{request.headers[http::field::content_type]};
  type.erase(std::min(type.find(';'), type.size()));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t'))
    type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  if (type == "application/json" || (type.starts_with("application/") && type.ends_with("+json")))
    return false;
  context->refuse({problem_code::unsupported_media_type,
                   type.empty() ? "The request has a body but no Content-Type; send application/json."
                                : "The body must be application/json."});
  return true;
}

parsed<std::optional<idempotency_key>> idempotency_key_of(const http_request& request) {
  const auto lines = field_lines(request.headers, "Idempotency-Key");
  if (lines.empty())
    return std::nullopt;
  if (lines.size() > 1)
    return problem{problem_code::invalid_header, "A request has one Idempotency-Key; this one has several."};
  const auto key = lines.front();
  const auto printable = [](char c) { return c > ' ' && c < '\x7f'; };
  if (key.empty() || key.size() > 255 || !std::all_of(key.begin(), key.end(), printable))
    return problem{problem_code::invalid_header,
                   "Idempotency-Key must be 1 to 255 printable ASCII characters without spaces."};
  return std::optional{idempotency_key{std::string{key}, digest(request)}};
}

} // namespace troupe
