#include "gateway/forms/parse_approval.hpp"

#include "gateway/forms/body.hpp"
#include "gateway/forms/json_guard.hpp"
#include "gateway/forms/text.hpp"
#include "persistence/values/limits.hpp"
#include "persistence/values/names.hpp"

#include <nlohmann/json.hpp>

namespace troupe {

parsed<decide_approval> parse_decision(std::string_view body, const uuid& task_id, const std::string& call_id,
                                       timestamp at) {
  auto tree = read_json_object(body);
  if (auto* refused = std::get_if<problem>(&tree))
    return std::move(*refused);
  body_errors errors;
  object_reader members{std::get<nlohmann::json>(tree), "", errors};

  decide_approval result;
  result.task_id = task_id;
  result.call_id = call_id;
  result.at = at;
  members.require("decision");
  const auto decision = members.text("decision", 0, max_label_length);
  result.approve = decision == "approve";
  if (decision && !result.approve && *decision != "reject")
    members.refuse("decision", "expected approve or reject, got " + excerpt(*decision));
  result.arguments = members.object_text("arguments", max_arguments_bytes);
  if (result.arguments && decision == "reject")
    members.refuse("arguments", "a rejected call has none");
  result.reason = members.text("reason", 0, max_reason_bytes).value_or("");
  result.decided_by = members.line("decided_by", 1, max_label_length).value_or(std::string{anonymous});
  members.finish();
  if (auto refused = std::move(errors).to_problem())
    return std::move(*refused);
  return result;
}

} // namespace troupe
