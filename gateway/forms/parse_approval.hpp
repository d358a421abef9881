#pragma once

#include "gateway/requests/problem.hpp"
#include "persistence/operations.hpp"

#include <string>
#include <string_view>

namespace troupe {

/// Body of `POST /tasks/{id}/approvals/{call_id}`: `{"decision": "approve" | "reject",
/// "arguments"?: {…}, "reason"?, "decided_by"?}`. Arguments take the place of the model's,
/// and go with an approval only. Errors are collected as in parse_task.hpp.
parsed<decide_approval> parse_decision(std::string_view body, const uuid& task_id, const std::string& call_id,
                                       timestamp at);

} // namespace troupe
