#include "gateway/live/request_context.hpp"

#include "gateway/live/gateway_actor.hpp"
#include "gateway/requests/accept.hpp"
#include "gateway/requests/access_log.hpp"
#include "gateway/requests/event_stream_head.hpp"
#include "gateway/requests/header_list.hpp"
#include "persistence/logging/log.hpp"

#include <boost/beast/core/string.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace troupe {

namespace http = boost::beast::http;

namespace {

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

void request_context::respond_no_content() {
  respond({204, "", "", {}});
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

void request_context::note_route(std::string_view pattern, std::vector<std::string> parts) {
  route_ = pattern;
  parts_ = std::move(parts);
  if (request().access)
    request().access->route.store(pattern.data(), std::memory_order_release);
}

void request_context::tell_methods(const std::string& allowed) {
  respond({204, "", "", {{"Allow", allowed}}});
}

void request_context::serve(const route& served) {
  require_none(refusal_of(served.needs, condition_of(gateway_)));
  query_.emplace(request().query, served.parameters);
  // Every path that takes a namespace takes it like this, also one that makes nothing of it.
  query_->ns();
  require_none(query_->finish());
  served.serve(shared_from_this());
}

node_condition condition_of(const gateway_state& gateway) {
  const auto& config = gateway.config();
  return {config.serves_api, config.draining->load(std::memory_order_relaxed),
          !config.store_available || config.store_available()};
}

// -- what several routes ask of a request ---------------------------------------

uuid task_id_of(const context_ptr& context) {
  return require(path_id(context->part(), "task id"));
}

uuid thread_id_of(const context_ptr& context) {
  return require(path_id(context->part(), "thread id"));
}

std::string name_of(const context_ptr& context, std::string_view what) {
  return require(path_name(context->part(), what));
}

void require_json_body(const http_request& request) {
  if (request.body.empty())
    return;
  const auto coding = request.headers[http::field::content_encoding];
  if (!coding.empty() && !boost::beast::iequals(coding, "identity"))
    throw refused{
      {problem_code::unsupported_media_type, "The body must not be compressed: Content-Encoding is not read."}};
  std::string type{request.headers[http::field::content_type]};
  type.erase(std::min(type.find(';'), type.size()));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t'))
    type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  if (type == "application/json" || (type.starts_with("application/") && type.ends_with("+json")))
    return;
  throw refused{{problem_code::unsupported_media_type,
                 type.empty() ? "The request has a body but no Content-Type; send application/json."
                              : "The body must be application/json."}};
}

std::optional<idempotency_key> idempotency_key_of(const http_request& request) {
  const auto lines = field_lines(request.headers, "Idempotency-Key");
  if (lines.empty())
    return std::nullopt;
  if (lines.size() > 1)
    throw refused{{problem_code::invalid_header, "A request has one Idempotency-Key; this one has several."}};
  const auto key = lines.front();
  const auto printable = [](char c) { return c > ' ' && c < '\x7f'; };
  if (key.empty() || key.size() > 255 || !std::all_of(key.begin(), key.end(), printable))
    throw refused{
      {problem_code::invalid_header, "Idempotency-Key must be 1 to 255 printable ASCII characters without spaces."}};
  return idempotency_key{std::string{key}, digest(request)};
}

} // namespace troupe
