#pragma once

#include "actors/providers/provider.hpp"
#include "persistence/records.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// What a bot's model may call: each tool as the model knows it, and what stands behind
/// it. Pure.
namespace troupe {

/// Where a call goes.
struct tool_route {
  tool_record tool;
  /// `mcp`: the server's own name for it.
  std::string remote_name;
};

struct toolbox {
  std::vector<tool_definition> definitions;
  /// By the name that the model uses.
  std::map<std::string, tool_route, std::less<>> routes;

  /// Null if there is no such tool.
  [[nodiscard]] const tool_route* find(std::string_view name) const;
};

/// True if the bot has tools of an MCP server, which has to be asked what they are.
bool needs_server(const bot_record& bot) noexcept;

/// The built-in and HTTP tools of a bot. The first of a name counts.
toolbox local_tools(const bot_record& bot);

/// Adds what an MCP server offers.
void add_tools(toolbox& box, const tool_record& server, const std::vector<tool_definition>& offered);

} // namespace troupe
