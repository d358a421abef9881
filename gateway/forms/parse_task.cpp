#include "gateway/forms/parse_task.hpp"

#include "gateway/forms/body.hpp"
#include "gateway/forms/json_guard.hpp"
#include "gateway/forms/parse_budget.hpp"
#include "gateway/forms/text.hpp"
#include "persistence/rules/budget_form.hpp"
#include "persistence/values/limits.hpp"
#include "persistence/values/names.hpp"
#include "persistence/values/task_name.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

using json = nlohmann::json;

namespace {

struct bot_choice {
  std::string name;
  std::string ns;
};

/// The bot that a task's spec names: `bot_name`, else `botRef`. The rest of a spec is
/// the client's own and kept as it is.
std::optional<bot_choice> bot_of_spec(const json& spec, const std::string& ns, body_errors& errors) {
  object_reader members{spec, "/spec", errors};
  auto by_name = members.name("bot_name");
  std::optional<bot_choice> by_ref;
  if (const auto* ref = members.object("botRef")) {
    object_reader ref_members{*ref, "/spec/botRef", errors};
    ref_members.require("name");
    auto name = ref_members.name("name");
    auto ref_ns = ref_members.name("namespace");
    ref_members.finish();
    if (name)
      by_ref = bot_choice{std::move(*name), ref_ns.value_or(ns)};
  }
  if (by_name)
    return bot_choice{std::move(*by_name), ns};
  return by_ref;
}

} // namespace

parsed<create_task> parse_new_task(std::string_view body, const std::string& ns,
                                   const std::optional<std::string>& bot_name, timestamp at) {
  auto tree = read_json_object(body);
  if (auto* refused = std::get_if<problem>(&tree))
    return std::move(*refused);
  body_errors errors;
  object_reader members{std::get<json>(tree), "", errors};

  create_task result;
  auto& task = result.task;
  members.require("input");
  task.input = members.text("input", 1, max_input_bytes).value_or("");
  auto name = members.line("name", 1, max_label_length);
  std::optional<bot_choice> bot;
  if (auto spec = members.object_text("spec", max_spec_bytes)) {
    const auto& given = std::get<json>(tree)["spec"];
    bot = bot_of_spec(given, ns, errors);
    if (const auto* budget = find_budget(given)) {
      if (budget->is_object())
        read_budget(*budget, "/spec/budget", false, errors);
      else
        errors.add("/spec/budget", "expected an object, as in {\"cost\": 0.5}");
    }
    task.spec = std::move(*spec);
  }
  auto thread = members.id("thread_id");
  task.created_by = members.line("created_by", 1, max_label_length).value_or(std::string{anonymous});
  task.metadata = members.object_text("metadata", max_metadata_bytes).value_or("");
  task.priority = static_cast<int>(members.integer("priority", -max_priority, max_priority).value_or(0));
  task.run_at = members.time("run_at");
  result.execute = members.boolean("execute").value_or(false);
  members.finish();
  if (auto refused = std::move(errors).to_problem())
    return std::move(*refused);

  task.id = make_uuid();
  task.thread_id = thread.value_or(task.id);
  task.ns = ns;
  task.name = name ? std::move(*name) : default_task_name(task.input);
  if (bot_name)
    bot = bot_choice{*bot_name, ns};
  else if (!bot)
    bot = bot_choice{std::string{default_bot}, ns};
  task.bot = std::move(bot->name);
  task.bot_ns = std::move(bot->ns);
  task.created_at = at;
  task.updated_at = at;
  return result;
}

parsed<set_task_status> parse_status_change(std::string_view body, const uuid& id, timestamp at) {
  auto tree = read_json_object(body);
  if (auto* refused = std::get_if<problem>(&tree))
    return std::move(*refused);
  body_errors errors;
  object_reader members{std::get<json>(tree), "", errors};

  set_task_status result;
  result.id = id;
  result.at = at;
  members.require("status");
  if (auto text = members.text("status", 0, max_output_bytes)) {
    if (auto status = parse_task_status(*text))
      result.status = *status;
    else
      members.refuse("status", "expected PENDING, RUNNING, COMPLETED, FAILED or CANCELLED, got " + excerpt(*text));
  }
  result.output = members.text("output", 0, max_output_bytes);
  result.error = members.text("error", 1, max_input_bytes);
  members.finish();
  if (auto refused = std::move(errors).to_problem())
    return std::move(*refused);
  return result;
}

std::optional<problem> refuse_body(std::string_view body) {
  const auto is_space = [](unsigned char c) { return c <= ' ' || c == 0x7F; };
  if (std::all_of(body.begin(), body.end(), is_space))
    return std::nullopt;
  auto tree = read_json_object(body);
  if (auto* refused = std::get_if<problem>(&tree))
    return std::move(*refused);
  body_errors errors;
  object_reader{std::get<json>(tree), "", errors}.finish();
  return std::move(errors).to_problem();
}

} // namespace troupe
