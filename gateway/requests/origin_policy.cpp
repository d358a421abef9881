#include "gateway/requests/origin_policy.hpp"

#include "gateway/requests/header_list.hpp"

#include <boost/beast/http/field.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

namespace http = boost::beast::http;
namespace ip = boost::asio::ip;

/// What a page may read of an answer beside what every page may.
constexpr auto exposed_fields
  = "Allow, ETag, Idempotency-Replayed, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, "
    "WWW-Authenticate, X-Request-Id";

/// What a page may send beside what every page may. `Authorization` is never covered by a `*`.
constexpr auto request_fields
  = "Accept, Authorization, Cache-Control, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer, "
    "X-Request-Id, traceparent, tracestate";

/// Seconds that a browser keeps the answer to a preflight.
constexpr auto preflight_age = "600";

bool has(const http_request& request, http::field name) {
  return request.headers.count(name) > 0;
}

/// Everything but what HTTP calls safe (RFC 9110, section 9.2.1); an upgrade begins something
/// that may do more than read.
bool changes_something(const http_request& request) {
  const bool is_safe
    = request.method == http::verb::get || request.method == http::verb::head || request.method == http::verb::options;
  return !is_safe || request.is_websocket_upgrade || has(request, http::field::upgrade);
}

/// A browser says that the page is another origin's (Fetch Metadata, section 2.3).
bool is_of_another_site(const http_request& request) {
  const auto lines = field_lines(request.headers, "Sec-Fetch-Site");
  return std::any_of(lines.begin(), lines.end(),
                     [](std::string_view value) { return value != "same-origin" && value != "none"; });
}

std::optional<ip::address> address_in(const std::string& host) {
  boost::system::error_code error;
  const bool is_v6 = host.starts_with('[');
  const auto address = ip::make_address(is_v6 ? host.substr(1, host.size() - 2) : host, error);
  return error ? std::nullopt : std::optional{address};
}

/// A resolver takes `name.` for the same as `name`.
std::string_view without_last_dot(std::string_view name) noexcept {
  return name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

problem misdirected(const std::optional<authority>& host) {
  problem refusal{problem_code::misdirected_request};
  refusal.detail = host ? "This server does not go by the name \"" + host->host + "\"" : "Host names no server here";
  refusal.detail
    += "; use localhost or an address of this host, or allow the name with the setting http_allowed_hosts.";
  return refusal;
}

problem refused_origin(const http_request& request) {
  problem refusal{problem_code::origin_refused};
  const auto lines = field_lines(request.headers, "Origin");
  const auto origin = lines.size() == 1 ? parse_origin(lines.front()) : std::nullopt;
  refusal.detail = origin ? "Pages of " + to_string(*origin) : "Pages of other origins";
  refusal.detail += " may not change anything here nor open a WebSocket; the setting cors_origins allows an origin.";
  return refusal;
}

} // namespace

origin_policy::origin_policy(origin_rules rules) : rules_{std::move(rules)} {
  for (const auto& entry : rules_.cors_origins) {
    if (entry == "*")
      allows_every_origin_ = true;
    else if (auto origin = parse_origin(entry))
      allowed_origins_.push_back(std::move(*origin));
  }
}

origin_judgement origin_policy::judge(const http_request& request) const {
  origin_judgement result;
  if (!rules_.cors_origins.empty())
    result.fields.emplace_back("Vary", "Origin");
  std::optional<authority> host;
  if (!request.authority.empty()) {
    host = parse_authority(request.authority);
    if (!host || !is_allowed_host(*host)) {
      result.refusal = misdirected(host);
      return result;
    }
  }
  const bool is_preflight = request.method == http::verb::options && has(request, http::field::origin)
                            && has(request, http::field::access_control_request_method);
  switch (page_of(request, host)) {
  case page::none:
  case page::own: break;
  case page::allowed: let_read(request, is_preflight, result.fields); break;
  case page::foreign:
    // Browsers hide the answer from scripts; these keep it out of the page altogether.
    result.fields.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
    result.fields.emplace_back("X-Content-Type-Options", "nosniff");
    if (is_preflight || changes_something(request)) {
      result.refusal = refused_origin(request);
      if (rules_.cors_origins.empty())
        result.fields.emplace_back("Vary", "Origin");
    }
  }
  return result;
}

bool origin_policy::is_allowed_host(const authority& host) const {
  if (const auto address = address_in(host.host)) {
    if (rules_.is_own_address(*address))
      return true;
    return std::any_of(rules_.allowed_hosts.begin(), rules_.allowed_hosts.end(), [&address](const std::string& entry) {
      const auto allowed = address_in(entry);
      return allowed && *allowed == *address;
    });
  }
  const auto name = without_last_dot(host.host);
  // No resolver gives these another address than this host's (RFC 6761, section 6.3).
  if (name == "localhost" || name.ends_with(".localhost"))
    return true;
  return std::find(rules_.allowed_hosts.begin(), rules_.allowed_hosts.end(), name) != rules_.allowed_hosts.end();
}

origin_policy::page origin_policy::page_of(const http_request& request, const std::optional<authority>& host) const {
  const auto lines = field_lines(request.headers, "Origin");
  if (lines.empty())
    return is_of_another_site(request) && !allows_every_origin_ ? page::foreign : page::none;
  if (lines.size() > 1)
    return page::foreign;
  const auto origin = parse_origin(lines.front());
  if (!origin)
    return lines.front() == "null" && allows_every_origin_ ? page::allowed : page::foreign;
  const auto own_port = default_port(origin->scheme);
  if (host && own_port && origin->where == authority{host->host, host->port.value_or(*own_port)})
    return page::own;
  const bool is_listed = std::find(allowed_origins_.begin(), allowed_origins_.end(), *origin) != allowed_origins_.end();
  return is_listed || allows_every_origin_ ? page::allowed : page::foreign;
}

void origin_policy::let_read(const http_request& request, bool is_preflight, header_fields& fields) const {
  const auto origin = field_lines(request.headers, "Origin").front();
  fields.emplace_back("Access-Control-Allow-Origin", allows_every_origin_ ? "*" : std::string{origin});
  if (!allows_every_origin_)
    fields.emplace_back("Access-Control-Allow-Credentials", "true");
  if (!is_preflight) {
    fields.emplace_back("Access-Control-Expose-Headers", exposed_fields);
    return;
  }
  fields.emplace_back("Access-Control-Allow-Methods", rules_.methods_of(request.path));
  fields.emplace_back("Access-Control-Allow-Headers", request_fields);
  fields.emplace_back("Access-Control-Max-Age", preflight_age);
  // A page of a public network that asks this one, which may be more private.
  if (field_lines(request.headers, "Access-Control-Request-Private-Network").size() == 1)
    fields.emplace_back("Access-Control-Allow-Private-Network", "true");
}

} // namespace troupe
