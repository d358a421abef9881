#include "actors/toolbox/toolbox.hpp"

#include "actors/remote/foreign_text.hpp"
#include "actors/remote/secrets.hpp"
#include "actors/toolbox/builtin_tools.hpp"
#include "actors/toolbox/tool_names.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace troupe {

namespace {

void add(toolbox& box, tool_definition definition, tool_route route) {
  if (box.routes.emplace(definition.name, std::move(route)).second)
    box.definitions.push_back(std::move(definition));
}

void add_local_tools(toolbox& box, const bot_record& bot) {
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
}

bool is_like_any(std::string_view name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) { return is_like(name, pattern); });
}

bool is_wanted(const tool_record& server, std::string_view tool) {
  return (server.allow.empty() || is_like_any(tool, server.allow)) && !is_like_any(tool, server.deny);
}

std::string of_server(const tool_record& server) {
  return "The MCP server '" + server.name + "': ";
}

void note_what_is_missing(toolbox& box, const server_offer& offer) {
  const auto& [server, offered] = offer;
  for (const auto& note : offered->notes)
    if (note.tool.empty() || is_wanted(server, note.tool))
      box.notes.push_back(of_server(server) + note.text);
  for (const auto& pattern : server.allow) {
    // What was left out is there, and was said already.
    const auto& tools = offered->tools;
    const auto& notes = offered->notes;
    if (std::none_of(tools.begin(), tools.end(),
                     [&](const auto& tool) { return is_like(tool.definition.name, pattern); })
        && std::none_of(notes.begin(), notes.end(),
                        [&](const auto& note) { return !note.tool.empty() && is_like(note.tool, pattern); }))
      box.notes.push_back(of_server(server) + "It offers no tool '" + pattern + "', which the bot allows.");
  }
}

} // namespace

const tool_route* toolbox::find(std::string_view name) const {
  const auto found = routes.find(name);
  return found == routes.end() ? nullptr : &found->second;
}

bool needs_service(const bot_record& bot) noexcept {
  return std::any_of(bot.tools.begin(), bot.tools.end(),
                     [](const auto& tool) { return tool.type == tool_kind::mcp || has_sealed(tool.headers); });
}

toolbox make_toolbox(const bot_record& bot, const std::vector<server_offer>& offers) {
  toolbox box;
  add_local_tools(box, bot);
  std::set<std::string> taken;
  for (const auto& [name, route] : box.routes)
    taken.insert(name);
  std::vector<tool_origin> origins;
  std::vector<std::pair<const server_offer*, const tool_definition*>> wanted;
  for (const auto& offer : offers) {
    note_what_is_missing(box, offer);
    for (const auto& tool : offer.offered->tools)
      if (is_wanted(offer.server, tool.definition.name)) {
        origins.push_back({offer.server.name, tool.definition.name});
        wanted.emplace_back(&offer, &tool.definition);
      }
  }
  const auto names = distinct_names(origins, taken);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& [offer, offered] = wanted[i];
    if (names[i] != offer->server.name + "__" + offered->name)
      box.notes.push_back(of_server(offer->server) + "Its tool '" + foreign::excerpt(offered->name, 80)
                          + "' is called '" + names[i] + "', since names are distinct, of at most 64 letters, digits, "
                          + "'_' and '-'.");
    auto definition = *offered;
    definition.name = names[i];
    add(box, std::move(definition), {offer->server, offered->name});
  }
  return box;
}

} // namespace troupe
