#pragma once

#include "persistence/records.hpp"
#include "persistence/values/money.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

/// How the limits of a budget are written: `{"cost"?: 0.5, "tokens"?: 100000}`, with at least
/// one of the two. Whoever checks a body reads them here, and so does whoever reads again
/// what was stored. Pure.
namespace troupe {

/// In units of the currency.
inline constexpr double max_budget_cost = 1e9;
inline constexpr std::int64_t max_budget_tokens = 1'000'000'000'000'000;

/// Takes the limits from the members of an object; nothing if there is neither. `Members`
/// has `number(name, min, max)` and `integer(name, min, max)`, which give nothing for a
/// member that is absent, null, or not as it must be; what else follows of that is theirs.
template <class Members>
std::optional<budget_limit> take_limits(Members& members) {
  budget_limit limit;
  if (const auto cost = members.number("cost", 0, max_budget_cost))
    limit.cost = from_currency(*cost);
  limit.tokens = members.integer("tokens", 0, max_budget_tokens);
  return limit.cost || limit.tokens ? std::optional{limit} : std::nullopt;
}

/// The budget in a task's spec, which may be of any form until it was checked; null if it
/// names none.
const nlohmann::json* find_budget(const nlohmann::json& spec);

/// The budget of a task whose spec, JSON text or empty, was checked when it was created.
std::optional<budget_limit> budget_in_spec(std::string_view spec);

} // namespace troupe
