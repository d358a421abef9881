#include "gateway/parse_bot.hpp"

#include "actors/builtin_tools.hpp"
#include "gateway/body.hpp"
#include "gateway/json_guard.hpp"
#include "gateway/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

using json = nlohmann::json;

namespace {

constexpr std::size_t max_prompt_bytes = 256 * 1024;
constexpr std::size_t max_tools = 100;
constexpr std::int64_t max_tokens_limit = 10'000'000;
constexpr std::int64_t max_delay_ms = 3'600'000;
constexpr std::int64_t day_s = 86'400;

/// `name` and `namespace` are given by path and query; a body may only repeat them.
void expect_same(object_reader& members, std::string_view member, const std::string& given, std::string_view by) {
  const auto value = members.text(member, 0, max_prompt_bytes);
  if (!value || *value == given)
    return;
  std::string detail = "expected " + excerpt(given) + " as in the ";
  detail += by;
  members.refuse(member, detail + ", got " + excerpt(*value));
}

/// A member that is one of a few words.
template <class Enum, class Parse>
std::optional<Enum> one_of(object_reader& members, std::string_view member, Parse parse, std::string_view words) {
  const auto text = members.text(member, 0, max_prompt_bytes);
  if (!text)
    return std::nullopt;
  auto value = parse(*text);
  if (!value) {
    std::string detail = "expected ";
    detail += words;
    members.refuse(member, detail + ", got " + excerpt(*text));
  }
  return value;
}

/// "now, calculate".
std::string known_tools() {
  std::string out;
  for (const auto& tool : builtin_tools()) {
    if (!out.empty())
      out += ", ";
    out += tool.name;
  }
  return out;
}

/// One entry of `tools`: `{"type":"builtin","name":…}`.
std::optional<std::string> parse_tool(const json& tool, const std::string& pointer, body_errors& errors) {
  if (!tool.is_object()) {
    std::string detail = "expected an object, got ";
    errors.add(pointer, detail += kind_of(tool));
    return std::nullopt;
  }
  object_reader members{tool, pointer, errors};
  members.require("type");
  const auto type = members.text("type", 0, max_prompt_bytes);
  if (type && *type != "builtin") {
    // Its other members belong to its type; they are not worth a word.
    members.refuse("type", "this version has tools of type \"builtin\" only, got " + excerpt(*type));
    return std::nullopt;
  }
  members.require("name");
  auto name = members.text("name", 0, max_prompt_bytes);
  members.finish();
  if (!name || find_builtin_tool(*name) != nullptr)
    return name;
  members.refuse("name", "there is no built-in tool " + excerpt(*name) + "; this version has: " + known_tools());
  return std::nullopt;
}

std::vector<std::string> parse_tools(const json& tools, body_errors& errors) {
  std::vector<std::string> result;
  if (tools.size() > max_tools) {
    errors.add("/tools",
               "expected at most " + std::to_string(max_tools) + " tools, got " + std::to_string(tools.size()));
    return result;
  }
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const auto pointer = "/tools/" + std::to_string(i);
    auto name = parse_tool(tools[i], pointer, errors);
    if (!name)
      continue;
    if (std::find(result.begin(), result.end(), *name) != result.end())
      errors.add(pointer + "/name", "the tool " + excerpt(*name) + " is listed twice");
    else
      result.push_back(std::move(*name));
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

parsed<put_bot> parse_bot(std::string_view body, const std::string& ns, const std::string& name, timestamp at) {
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
  bot.system_prompt = members.text("system_prompt", 0, max_prompt_bytes).value_or("");
  bot.temperature = members.number("temperature", 0, 2);
  if (const auto tokens = members.integer("max_tokens", 1, max_tokens_limit))
    bot.max_tokens = static_cast<int>(*tokens);
  bot.max_iterations = static_cast<int>(members.integer("max_iterations", 1, 100).value_or(bot.max_iterations));
  if (const auto* tools = members.array("tools"))
    bot.tools = parse_tools(*tools, errors);
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

parsed<put_model> parse_model(std::string_view body, const std::string& ns, const std::string& name, timestamp at) {
  auto tree = read_json_object(body);
  if (auto* refused = std::get_if<problem>(&tree))
    return std::move(*refused);
  body_errors errors;
  object_reader members{std::get<json>(tree), "", errors};

  put_model result{.model = {}, .at = at};
  auto& model = result.model;
  model.name = name;
  model.ns = ns;
  expect_same(members, "name", name, "path");
  expect_same(members, "namespace", ns, "query");
  members.require("kind");
  if (const auto kind = members.text("kind", 0, max_prompt_bytes); kind && *kind != "builtin")
    members.refuse("kind", "this version has models of kind \"builtin\" only, got " + excerpt(*kind));
  model.model = members.line("model", 0, 200).value_or("");
  model.created_at = at;
  model.updated_at = at;
  members.finish();
  if (auto refused = std::move(errors).to_problem())
    return std::move(*refused);
  return result;
}

} // namespace troupe
