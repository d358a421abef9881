#include "tests/e2e/contract.hpp"

#include "gateway/requests/request_id.hpp"
#include "tests/e2e/http_client.hpp"
#include "tests/e2e/json_schema.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace troupe {

namespace {

std::vector<std::string> segments(const std::string& path) {
  std::vector<std::string> parts;
  std::istringstream stream{path};
  for (std::string part; std::getline(stream, part, '/');) {
    parts.push_back(part);
  }
  return parts;
}

bool is_parameter(const std::string& segment) {
  return segment.starts_with('{');
}

std::string media_type(const http_reply& reply) {
  const std::string type = reply.header("Content-Type");
  return type.substr(0, type.find(';'));
}

/// What every answer has to say of its request's name.
std::string request_id_violation(const std::string& method, const http_reply& reply) {
  const auto id = reply.header("X-Request-Id");
  if (!is_request_id(id)) {
    return "the X-Request-Id is '" + id + "'";
  }
  if (method == "HEAD" || media_type(reply) != "application/problem+json") {
    return {};
  }
  const auto cited = reply.document().value("request_id", "");
  return cited == id ? "" : "the problem cites the request as '" + cited + "', and the header as '" + id + "'";
}

} // namespace

const contract& contract::instance() {
  static const contract the_contract;
  return the_contract;
}

contract::contract() {
  std::ifstream file{TROUPE_SOURCE_DIR "/gateway/openapi.json"};
  document_ = nlohmann::json::parse(file);
}

std::string contract::route_of(const std::string& path) const {
  const auto wanted = segments(path);
  std::string best;
  for (const auto& [route, unused] : document_.at("paths").items()) {
    const auto parts = segments(route);
    bool matches = parts.size() == wanted.size();
    for (std::size_t i = 0; matches && i < parts.size(); ++i) {
      matches = parts[i] == wanted[i] || (is_parameter(parts[i]) && !wanted[i].empty());
    }
    // A literal route wins over one with a parameter in its place ('{' sorts behind letters).
    if (matches && (best.empty() || route < best)) {
      best = route;
    }
  }
  return best;
}

std::vector<std::string> contract::violations(const std::string& method, const std::string& target,
                                              const http_reply& reply) const {
  const std::string path = target.substr(0, target.find('?'));
  const std::string where = method + " " + path.substr(0, 200) + " → " + std::to_string(reply.status);
  std::string verb = method;
  for (char& c : verb) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (auto wrong = request_id_violation(method, reply); !wrong.empty()) {
    return {where + ": " + wrong};
  }
  const std::string route = route_of(path);
  const auto& routes = document_.at("paths");
  if (route.empty() || !routes.at(route).contains(verb)) {
    // Outside of the contract there is nothing but a problem.
    if (reply.status < 400 || (method != "HEAD" && media_type(reply) != "application/problem+json")) {
      return {where + ": is not described, and the answer is no problem"};
    }
    return {};
  }

  const auto& responses = routes.at(route).at(verb).at("responses");
  const std::string status = std::to_string(reply.status);
  if (!responses.contains(status) && !responses.contains("default")) {
    return {where + ": the status is not described; the body is " + reply.body.substr(0, 500)};
  }
  const auto& described = resolve_reference(document_, responses.at(responses.contains(status) ? status : "default"));
  if (!described.contains("content")) {
    return reply.body.empty() ? std::vector<std::string>{} : std::vector{where + ": a body that is not described"};
  }
  const auto& content = described.at("content");
  const std::string type = media_type(reply);
  if (!content.contains(type)) {
    return {where + ": the content type '" + type + "' is not described"};
  }
  if (!type.ends_with("json") || !content.at(type).contains("schema")) {
    return {};
  }
  auto errors = schema_errors(document_, content.at(type).at("schema"), reply.document());
  for (auto& error : errors) {
    error = where + ": " + error;
  }
  return errors;
}

void contract::check(const std::string& method, const std::string& target, const http_reply& reply) const {
  for (const auto& violation : violations(method, target, reply)) {
    ADD_FAILURE() << "against openapi.json: " << violation;
  }
}

} // namespace troupe
