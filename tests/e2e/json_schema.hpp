#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

/// The part of JSON Schema 2020-12 that gateway/openapi.json uses (OpenAPI 3.1).
namespace troupe {

/// `value` itself, or what its `$ref` (`#/…`) into `root` names.
const nlohmann::json& resolve_reference(const nlohmann::json& root, const nlohmann::json& value);

/// Where `value` does not match `schema`, one sentence each; empty if it matches.
/// References are resolved within `root`. A keyword that this validator does not
/// know is an error too, so that nothing is passed over in silence; `format` and
/// annotations are not checked.
std::vector<std::string> schema_errors(const nlohmann::json& root, const nlohmann::json& schema,
                                       const nlohmann::json& value);

} // namespace troupe
