#include "gateway/forms/parse_bot.hpp"

#include "gateway/forms/body.hpp"
#include "gateway/forms/json_guard.hpp"
#include "gateway/forms/parse_budget.hpp"
#include "gateway/forms/parse_tool.hpp"
#include "gateway/forms/text.hpp"
#include "persistence/rules/fallbacks.hpp"
#include "persistence/values/catalog_limits.hpp"
#include "persistence/values/names.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace troupe {

using json = nlohmann::json;

namespace {

std::vector<std::string> parse_fallbacks(const json& names, const std::string& model, body_errors& errors) {
  std::vector<std::string> result;
  if (names.size() > max_fallback_models) {
    errors.add("/fallback_models", "expected at most " + std::to_string(max_fallback_models) + " names, got "
                                     + std::to_string(names.size()));
    return result;
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto pointer = "/fallback_models/" + std::to_string(i);
    const auto* name = names[i].get_ptr<const std::string*>();
    if (name == nullptr || !is_valid_name(*name)) {
      std::string detail = "expected a name of ";
      errors.add(pointer, detail += name_rule);
    } else if (const auto wrong = refuse_fallback(*name, model, result); !wrong.empty()) {
      errors.add(pointer, excerpt(*name).append(" ") += wrong);
    } else {
      result.push_back(*name);
    }
  }
  return result;
}

restart_policy parse_restart(const json& object, body_errors& errors) {
  object_reader members{object, "/restart", errors};
  restart_policy result;
  result.max_attempts
    = static_cast<int>(members.integer("max_attempts", 1, max_failed_attempts).value_or(result.max_attempts));
  result.backoff = one_of<backoff_kind>(members, "backoff", parse_backoff_kind, "fixed, linear or exponential")
                     .value_or(result.backoff);
  result.delay = members.milliseconds("delay_ms", max_restart_delay).value_or(result.delay);
  result.max_delay = members.milliseconds("max_delay_ms", max_restart_delay).value_or(result.max_delay);
  result.jitter = members.number("jitter", 0, 1).value_or(result.jitter);
  members.finish();
  return result;
}

} // namespace

parsed<put_bot> parse_bot(std::string_view body, const std::string& ns, const std::string& name, timestamp at,
                          const secret_box* secrets) {
  auto tree = read_json_object(body);
  if (auto* refused = std::get_if<problem>(&tree))
    return std::move(*refused);
  body_errors errors;
  object_reader members{std::get<json>(tree), "", errors};

  put_bot result{.bot = {}, .at = at};
  auto& bot = result.bot;
  bot.name = name;
  bot.ns = ns;
  expect_same(members, "name", name, "path");
  expect_same(members, "namespace", ns, "query");
  members.require("model");
  bot.model = members.name("model").value_or("");
  if (const auto* names = members.array("fallback_models"))
    bot.fallback_models = parse_fallbacks(*names, bot.model, errors);
  bot.system_prompt = members.text("system_prompt", 0, max_prompt_bytes).value_or("");
  bot.temperature = members.number("temperature", 0, max_temperature);
  if (const auto tokens = members.integer("max_tokens", 1, max_answer_tokens))
    bot.max_tokens = static_cast<int>(*tokens);
  bot.max_iterations
    = static_cast<int>(members.integer("max_iterations", 1, max_bot_iterations).value_or(bot.max_iterations));
  bot.context_tokens
    = members.integer("context_tokens", min_context_tokens, max_context_tokens).value_or(bot.context_tokens);
  if (const auto* tools = members.array("tools"))
    bot.tools = parse_tools(*tools, {ns, "bot", name, {}, {}, secrets}, errors);
  if (const auto* budget = members.object("budget"))
    bot.budget = read_budget(*budget, "/budget", true, errors);
  if (const auto* restart = members.object("restart"))
    bot.restart = parse_restart(*restart, errors);
  bot.timeout = members.seconds("timeout_s", max_attempt_timeout).value_or(bot.timeout);
  bot.on_busy = one_of<on_busy_rule>(members, "on_busy", parse_on_busy_rule, "enqueue, reject or interrupt")
                  .value_or(bot.on_busy);
  bot.created_at = at;
  bot.updated_at = at;
  members.finish();
  if (auto refused = std::move(errors).to_problem())
    return std::move(*refused);
  return result;
}

} // namespace troupe
