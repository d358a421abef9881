#include "actors/tools/toolbox.hpp"

#include "actors/builtin_tools.hpp"
#include "actors/tools/mcp.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

void add(toolbox& box, tool_definition definition, tool_route route) {
  if (box.routes.emplace(definition.name, std::move(route)).second)
    box.definitions.push_back(std::move(definition));
}

} // namespace

const tool_route* toolbox::find(std::string_view name) const {
  const auto found = routes.find(name);
  return found == routes.end() ? nullptr : &found->second;
}

bool needs_server(const bot_record& bot) noexcept {
  return std::any_of(bot.tools.begin(), bot.tools.end(), [](const auto& tool) { return tool.type == tool_kind::mcp; });
}

toolbox local_tools(const bot_record& bot) {
  toolbox box;
  for (const auto& tool : bot.tools) {
    switch (tool.type) {
    case tool_kind::builtin:
      if (const auto* known = find_builtin_tool(tool.name))
        add(box, {tool.name, std::string{known->description}, std::string{known->parameters}}, {tool, {}});
      break;
    case tool_kind::http: add(box, {tool.name, tool.description, tool.parameters}, {tool, {}}); break;
    case tool_kind::mcp: break;
    }
  }
  return box;
}

void add_tools(toolbox& box, const tool_record& server, const std::vector<tool_definition>& offered) {
  for (const auto& one : offered) {
    auto definition = one;
    definition.name = mcp::model_name(server.name, one.name);
    add(box, std::move(definition), {server, one.name});
  }
}

} // namespace troupe
