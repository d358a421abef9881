#include "gateway/forms/parse_budget.hpp"

#include "gateway/forms/json_guard.hpp"
#include "gateway/forms/parse_tool.hpp"
#include "persistence/rules/budget_form.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace troupe {

namespace {

using nlohmann::json;

/// Takes the members that a budget has.
std::optional<budget_limit> take_budget(object_reader& members, bool periods) {
  auto limit = take_limits(members);
  const auto period
    = periods ? one_of<budget_period>(members, "period", parse_budget_period, "total, month or day") : std::nullopt;
  if (!limit)
    members.refuse("cost", "a budget needs a cost, tokens, or both");
  else if (period)
    limit->period = *period;
  return limit;
}

} // namespace

std::optional<budget_limit> read_budget(const json& object, const std::string& pointer, bool periods,
                                        body_errors& errors) {
  object_reader members{object, pointer, errors};
  auto limit = take_budget(members, periods);
  members.finish();
  return limit;
}

parsed<put_budget> parse_budget(std::string_view body, const std::string& ns, timestamp at) {
  auto tree = read_json_object(body);
  if (auto* refused = std::get_if<problem>(&tree))
    return std::move(*refused);
  body_errors errors;
  object_reader members{std::get<json>(tree), "", errors};
  auto limit = take_budget(members, true);
  // What GET shows beside the limits may come back with them.
  for (const auto* shown : {"scope", "window", "spent", "reserved", "updated_at"})
    members.get(shown);
  members.finish();
  if (auto refused = std::move(errors).to_problem())
    return std::move(*refused);
  return put_budget{ns, *limit, at};
}

} // namespace troupe
