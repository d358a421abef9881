#pragma once

#include "actors/remote/secrets.hpp"
#include "gateway/requests/problem.hpp"
#include "persistence/operations.hpp"

#include <string>
#include <string_view>

/// Bodies that are about bots, made into the store's operations. Errors are collected
/// as in parse_task.hpp. A bot or model that was read can be sent back as it is, unless
/// a secret of it is not shown: `name` and `namespace` may stand in the body if they
/// agree with the path and the query, and null means the default.
namespace troupe {

/// Body of `PUT /bots/{name}`.
parsed<put_bot> parse_bot(std::string_view body, const std::string& ns, const std::string& name, timestamp at,
                          const secret_box* secrets = nullptr);

} // namespace troupe
