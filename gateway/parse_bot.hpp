#pragma once

#include "gateway/problem.hpp"
#include "persistence/operations.hpp"

#include <string>
#include <string_view>

/// Bodies that are about bots and models, made into the store's operations. Errors
/// are collected as in parse_task.hpp. A bot or model that was read can be sent
/// back as it is: `name` and `namespace` may stand in the body if they agree with
/// the path and the query, and null means the default.
namespace troupe {

/// Body of `PUT /bots/{name}`. Its tools are built-in ones, the only ones that this
/// version has.
parsed<put_bot> parse_bot(std::string_view body, const std::string& ns, const std::string& name, timestamp at);

/// Body of `PUT /models/{name}`.
parsed<put_model> parse_model(std::string_view body, const std::string& ns, const std::string& name, timestamp at);

} // namespace troupe
