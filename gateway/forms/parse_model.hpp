#pragma once

#include "actors/remote/secrets.hpp"
#include "gateway/requests/problem.hpp"
#include "persistence/operations.hpp"

#include <string>
#include <string_view>

/// Bodies that are about models, made into the store's operations; as parse_bot.hpp.
namespace troupe {

/// Body of `PUT /models/{name}`. A model's kind decides what it has: `builtin` reaches
/// nothing over the network, the others have an address (with a default), a key and
/// headers.
parsed<put_model> parse_model(std::string_view body, const std::string& ns, const std::string& name, timestamp at,
                              const secret_box* secrets = nullptr);

} // namespace troupe
