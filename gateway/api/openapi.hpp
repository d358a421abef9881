#pragma once

#include <string_view>

namespace troupe {

/// The API's contract, gateway/openapi.json, as the build put it into the program;
/// the answer of `GET /openapi.json`.
extern const std::string_view openapi_json;

} // namespace troupe
