#include "gateway/api/routes.hpp"

#include "gateway/api/api.hpp"

#include <array>
#include <span>
#include <utility>

namespace troupe {

namespace http = boost::beast::http;

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

using route_table = std::span<const route>;

constexpr route_table watched{routes.data(), 3};
static_assert(watched.back().pattern == "/metrics");

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

std::string methods_of(route_table table, const std::vector<std::string>& parts) {
  std::string methods;
  std::vector<std::string> found;
  for (const auto& candidate : table) {
    if (!matches(candidate.pattern, parts, found))
      continue;
    methods += std::string{http::to_string(candidate.method)} + ", ";
    if (candidate.method == http::verb::get)
      methods += "HEAD, ";
  }
  return methods.empty() ? methods : methods + "OPTIONS";
}

/// Finds the route and has it serve the request, or throws `refused`.
void find_route(route_table table, const context_ptr& context) {
  const auto& request = context->request();
  // Neither has a path.
  if (request.method == http::verb::connect)
    throw refused{{problem_code::not_implemented, "This server is no proxy: it opens no connections for clients."}};
  if (request.path == "*")
    return context->tell_methods(methods_of_the_server);
  const auto parts = require(split_path(request.path));
  // HEAD is GET whose body the server leaves out.
  const auto method = request.method == http::verb::head ? http::verb::get : request.method;
  for (const auto& candidate : table) {
    std::vector<std::string> found;
    if (!matches(candidate.pattern, parts, found))
      continue;
    context->note_route(candidate.pattern, std::move(found));
    if (candidate.method == method)
      return context->serve(candidate);
  }
  const auto allowed = methods_of(table, parts);
  if (allowed.empty())
    throw refused{no_such_path(request.path)};
  if (method != http::verb::options)
    throw refused{method_not_allowed(request.method_name, allowed)};
  context->tell_methods(allowed);
}

void dispatch_by(route_table table, gateway_state& gateway, std::shared_ptr<exchange> ex) {
  const auto context = std::make_shared<request_context>(gateway, std::move(ex));
  context->guard([&] { find_route(table, context); });
}

std::string allowed_by(route_table table, std::string_view path) {
  if (path == "*")
    return methods_of_the_server;
  const auto parts = split_path(path);
  const auto* split = std::get_if<std::vector<std::string>>(&parts);
  return split == nullptr ? std::string{} : methods_of(table, *split);
}

} // namespace

void dispatch(gateway_state& gateway, std::shared_ptr<exchange> ex) {
  dispatch_by(routes, gateway, std::move(ex));
}

std::string allowed_methods(std::string_view path) {
  return allowed_by(routes, path);
}

void dispatch_watched(gateway_state& gateway, std::shared_ptr<exchange> ex) {
  dispatch_by(watched, gateway, std::move(ex));
}

std::string allowed_methods_watched(std::string_view path) {
  return allowed_by(watched, path);
}

} // namespace troupe
