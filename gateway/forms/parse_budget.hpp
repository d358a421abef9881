#pragma once

#include "gateway/forms/body.hpp"
#include "gateway/requests/problem.hpp"
#include "persistence/operations.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <string_view>

/// Budgets in bodies: `{"cost"?: 0.5, "tokens"?: 100000, "period"?: "total" | "month" | "day"}`,
/// with at least one of the first two. Errors are collected as in parse_task.hpp.
namespace troupe {

/// A budget that stands at `pointer` of a body. Without `periods` it is of a single task,
/// which has none.
std::optional<budget_limit> read_budget(const nlohmann::json& object, const std::string& pointer, bool periods,
                                        body_errors& errors);

/// Body of `PUT /namespaces/{name}/budget`.
parsed<put_budget> parse_budget(std::string_view body, const std::string& ns, timestamp at);

} // namespace troupe
