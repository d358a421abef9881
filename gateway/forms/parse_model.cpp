#include "gateway/forms/parse_model.hpp"

#include "actors/toolbox/http_tool.hpp"
#include "gateway/forms/body.hpp"
#include "gateway/forms/json_guard.hpp"
#include "gateway/forms/parse_tool.hpp"
#include "gateway/forms/text.hpp"
#include "persistence/values/catalog_limits.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <utility>

namespace troupe {

using json = nlohmann::json;

namespace {

std::string_view default_base_url(model_kind kind) noexcept {
  switch (kind) {
  case model_kind::builtin: return "";
  case model_kind::openai: return "https://api.openai.com/v1";
  case model_kind::anthropic: return "https://api.anthropic.com/v1";
  }
  return "";
}

std::string read_base_url(object_reader& members, model_kind kind) {
  auto url = read_url(members, "base_url", url_form::base).value_or(std::string{default_base_url(kind)});
  // The protocol's path, which begins with a slash, is appended.
  url.erase(url.find_last_not_of('/') + 1);
  return url;
}

void read_key(object_reader& members, model_record& model) {
  if (auto variable = members.text("api_key_env", 0, max_variable_bytes)) {
    if (!may_use_env(*variable))
      members.refuse("api_key_env", "expected the name of an environment variable, of letters, digits and '_', and "
                                    "none of the server's own (TROUPE_…, PG…), got "
                                      + excerpt(*variable));
    model.api_key_env = std::move(*variable);
  }
  if (auto path = members.text("api_key_file", 0, max_path_bytes)) {
    if (!path->starts_with('/') || has_control_character(*path))
      members.refuse("api_key_file", "expected the absolute path of a file, such as /etc/troupe/openai-key");
    else if (!model.api_key_env.empty())
      members.refuse("api_key_file", "api_key_env says already where the key is: give one of the two");
    model.api_key_file = std::move(*path);
  }
}

model_timeouts parse_timeouts(const json& object, body_errors& errors) {
  object_reader members{object, "/timeouts", errors};
  model_timeouts result;
  result.connect = members.seconds("connect_s", max_connect_timeout).value_or(result.connect);
  result.first_token = members.seconds("first_token_s", max_first_token_timeout).value_or(result.first_token);
  result.idle = members.seconds("idle_s", max_idle_timeout).value_or(result.idle);
  result.total = members.seconds("total_s", max_answer_timeout).value_or(result.total);
  members.finish();
  return result;
}

model_limits parse_limits(const json& object, body_errors& errors) {
  object_reader members{object, "/limits", errors};
  model_limits result;
  if (const auto calls = members.integer("concurrency", 1, max_model_concurrency))
    result.concurrency = static_cast<int>(*calls);
  result.requests_per_minute = members.integer("requests_per_minute", 1, max_requests_per_minute);
  result.tokens_per_minute = members.integer("tokens_per_minute", 1, max_tokens_per_minute);
  members.finish();
  return result;
}

model_price parse_price(const json& object, body_errors& errors) {
  object_reader members{object, "/price", errors};
  model_price result;
  result.input_per_million = members.number("input_per_million", 0, max_model_price).value_or(0);
  result.output_per_million = members.number("output_per_million", 0, max_model_price).value_or(0);
  members.finish();
  return result;
}

/// What goes into each request as it is; empty for none.
std::string read_parameters(object_reader& members, body_errors& errors) {
  constexpr std::array<std::string_view, 5> others{"messages", "stream", "tools", "model", "input"};
  // More than one answer would be mixed into one text.
  constexpr std::array<std::string_view, 4> answers{"n", "best_of", "num_choices", "candidate_count"};
  const auto* object = members.object("parameters");
  if (object == nullptr || object->empty())
    return "";
  object_reader parameters{*object, members.pointer("parameters"), errors};
  for (const auto name : others)
    if (object->contains(name))
      parameters.refuse(name, "is written by the server itself");
  for (const auto name : answers)
    if (const auto found = object->find(name); found != object->end() && *found != 1 && !found->is_null())
      parameters.refuse(name, "expected 1: a task has one answer");
  return members.object_text("parameters", max_parameters_bytes).value_or("");
}

void read_remote(object_reader& members, model_record& model, const secret_box* secrets, body_errors& errors) {
  model.base_url = read_base_url(members, model.kind);
  members.require("model");
  model.model = members.line("model", 1, max_model_id_length).value_or("");
  read_key(members, model);
  model.headers = read_headers(members, {model.ns, "model", model.name, {}, {}, secrets}, errors);
  if (const auto* timeouts = members.object("timeouts"))
    model.timeouts = parse_timeouts(*timeouts, errors);
  model.parameters = read_parameters(members, errors);
}

void read_builtin(object_reader& members, model_record& model) {
  model.model = members.line("model", 0, max_model_id_length).value_or("");
  for (const auto* member : {"base_url", "api_key_env", "api_key_file", "headers", "parameters", "timeouts"}) {
    const auto* value = members.get(member);
    // An empty object is how the first model reads back.
    if (value != nullptr && (!value->is_object() || !value->empty()))
      members.refuse(member, "a model of kind builtin has none: it reaches nothing over the network");
  }
}

} // namespace

parsed<put_model> parse_model(std::string_view body, const std::string& ns, const std::string& name, timestamp at,
                              const secret_box* secrets) {
  auto tree = read_json_object(body);
  if (auto* refused = std::get_if<problem>(&tree))
    return std::move(*refused);
  body_errors errors;
  object_reader members{std::get<json>(tree), "", errors};

  put_model result{.model = {}, .at = at};
  auto& model = result.model;
  model.name = name;
  model.ns = ns;
  model.created_at = at;
  model.updated_at = at;
  expect_same(members, "name", name, "path");
  expect_same(members, "namespace", ns, "query");
  members.require("kind");
  // The other members belong to the kind; without it they are not worth a word.
  if (const auto kind = one_of<model_kind>(members, "kind", parse_model_kind, "builtin, openai or anthropic")) {
    model.kind = *kind;
    if (*kind == model_kind::builtin)
      read_builtin(members, model);
    else
      read_remote(members, model, secrets, errors);
    // What GET shows beside the model is no part of it, but may come back with it.
    members.object("state");
    if (const auto* limits = members.object("limits"))
      model.limits = parse_limits(*limits, errors);
    if (const auto* price = members.object("price"))
      model.price = parse_price(*price, errors);
    members.finish();
  }
  if (auto refused = std::move(errors).to_problem())
    return std::move(*refused);
  return result;
}

} // namespace troupe
