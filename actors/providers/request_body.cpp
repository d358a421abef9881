#include "actors/providers/request_body.hpp"

#include "actors/providers/provider_json.hpp"
#include "actors/providers/tool_schema.hpp"
#include "persistence/values/parse_json.hpp"

#include <nlohmann/json.hpp>

#include <set>
#include <utility>

namespace troupe::providers {

namespace {

using nlohmann::json;

tool_definition offered(const tool_definition& tool) {
  auto schema = show_schema(tool.parameters);
  tool_definition made{tool.name, tool.description, std::move(schema.text)};
  if (!schema.remark.empty())
    made.description += (made.description.empty() ? "" : "\n") + schema.remark;
  return made;
}

tool_definition of_the_past(const std::string& name) {
  return {name, "Not available any more: do not call it.", R"({"properties":{},"type":"object"})"};
}

} // namespace

std::vector<tool_definition> offered_tools(const prompt& what, std::span<const shown_message> shown) {
  std::vector<tool_definition> tools;
  for (const auto& tool : what.tools)
    if (auto made = offered(tool); !what.traits.refuses(made.name, made.parameters))
      tools.push_back(std::move(made));
  if (!tools.empty())
    return tools;
  std::set<std::string_view> names;
  for (const auto& message : shown)
    for (const auto& call : message.calls)
      if (names.insert(call.name).second)
        tools.push_back(of_the_past(call.name));
  return tools;
}

std::string finish_body(const json& head, std::string_view messages, std::string_view tools) {
  auto body = dump(head);
  body.pop_back();
  body.reserve(body.size() + messages.size() + tools.size() + 32);
  body.append(R"(,"messages":)").append(messages);
  if (!tools.empty())
    body.append(R"(,"tools":)").append(tools);
  return body.append("}");
}

void apply_parameters(json& head, const model_record& model) {
  const auto parameters = parse_json_object(model.parameters);
  if (!parameters)
    return;
  for (const auto& [name, value] : parameters->items()) {
    // Written by the server itself; the API refuses them, an older one may have taken them.
    if (name == "messages" || name == "tools")
      continue;
    if (value.is_null())
      head.erase(name);
    else
      head[name] = value;
  }
}

void tell_as_user(std::string_view system_prompt, std::vector<shown_message>& shown) {
  if (!is_blank(system_prompt) && !shown.empty() && shown.front().from_user)
    shown.front().text.insert(0, std::string{system_prompt} + "\n\n");
}

} // namespace troupe::providers
