#include "gateway/forms/parse_bot.hpp"

#include "gateway/forms/body.hpp"
#include "gateway/forms/json_guard.hpp"
#include "gateway/forms/parse_budget.hpp"
#include "gateway/forms/parse_tool.hpp"
#include "gateway/forms/text.hpp"
#include "persistence/values/names.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

using json = nlohmann::json;

namespace {

constexpr std::size_t max_prompt_bytes = 256 * 1024;
constexpr std::size_t max_fallbacks = 10;
constexpr std::int64_t max_tokens_limit = 10'000'000;
constexpr std::int64_t max_delay_ms = 3'600'000;
constexpr std::int64_t day_s = 86'400;

std::vector<std::string> parse_fallbacks(const json& names, const std::string& model, body_errors& errors) {
  std::vector<std::string> result;
  if (names.size() > max_fallbacks) {
    errors.add("/fallback_models",
               "expected at most " + std::to_string(max_fallbacks) + " names, got " + std::to_string(names.size()));
    return result;
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto pointer = "/fallback_models/" + std::to_string(i);
    const auto* name = names[i].get_ptr<const std::string*>();
    if (name == nullptr || !is_valid_name(*name)) {
      std::string detail = "expected a name of ";
      errors.add(pointer, detail += name_rule);
    } else if (*name == model) {
      errors.add(pointer, excerpt(*name) + " is the bot's model already");
    } else if (std::find(result.begin(), result.end(), *name) != result.end()) {
      errors.add(pointer, excerpt(*name) + " is listed twice");
    } else {
      result.push_back(*name);
    }
  }
  return result;
}

restart_policy parse_restart(const json& object, body_errors& errors) {
  object_reader members{object, "/restart", errors};
  restart_policy result;
  result.max_attempts = static_cast<int>(members.integer("max_attempts", 1, 100).value_or(result.max_attempts));
  result.backoff = one_of<backoff_kind>(members, "backoff", parse_backoff_kind, "fixed, linear or exponential")
                     .value_or(result.backoff);
  if (const auto delay = members.integer("delay_ms", 0, max_delay_ms))
    result.delay = std::chrono::milliseconds{*delay};
  if (const auto delay = members.integer("max_delay_ms", 0, max_delay_ms))
    result.max_delay = std::chrono::milliseconds{*delay};
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
  bot.temperature = members.number("temperature", 0, 2);
  if (const auto tokens = members.integer("max_tokens", 1, max_tokens_limit))
    bot.max_tokens = static_cast<int>(*tokens);
  bot.max_iterations = static_cast<int>(members.integer("max_iterations", 1, 100).value_or(bot.max_iterations));
  bot.context_tokens = members.integer("context_tokens", 100, 100'000'000).value_or(bot.context_tokens);
  if (const auto* tools = members.array("tools"))
    bot.tools = parse_tools(*tools, {ns, "bot", name, {}, {}, secrets}, errors);
  if (const auto* budget = members.object("budget"))
    bot.budget = read_budget(*budget, "/budget", true, errors);
  if (const auto* restart = members.object("restart"))
    bot.restart = parse_restart(*restart, errors);
  if (const auto seconds = members.integer("timeout_s", 1, day_s))
    bot.timeout = std::chrono::seconds{*seconds};
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
