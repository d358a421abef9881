#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace troupe {

struct http_reply;

/// gateway/openapi.json as the judge of answers: is the status documented for the
/// route, the content type for the status, and does the body match the schema?
class contract {
public:
  static const contract& instance();

  /// Everything in `reply` that the contract does not describe, one sentence each.
  [[nodiscard]] std::vector<std::string> violations(const std::string& method, const std::string& target,
                                                    const http_reply& reply) const;

  /// Fails the running test for every violation.
  void check(const std::string& method, const std::string& target, const http_reply& reply) const;

  [[nodiscard]] const nlohmann::json& document() const noexcept { return document_; }

private:
  contract();

  /// The template of the contract that `path` matches; empty for none.
  [[nodiscard]] std::string route_of(const std::string& path) const;

  nlohmann::json document_;
};

} // namespace troupe
