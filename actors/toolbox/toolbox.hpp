#pragma once

#include "actors/providers/provider.hpp"
#include "actors/toolbox/mcp_tools.hpp"
#include "persistence/records.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
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
  /// What was renamed or left out, and why: a sentence each, for a person.
  std::vector<std::string> notes{};

  /// Null if there is no such tool.
  [[nodiscard]] const tool_route* find(std::string_view name) const;
};

/// Why there is none.
struct toolbox_failure {
  error_class kind = error_class::transient;
  /// A sentence.
  std::string error;
  /// Throttled only.
  std::optional<std::chrono::milliseconds> retry_after;
  /// How much of `error`, from its beginning, are this program's own words. What follows was
  /// said by somebody else and may cite a prompt or a key: it is never logged.
  std::size_t own_words = logging::all_own;
};

/// What an MCP server has answered.
struct server_offer {
  tool_record server;
  mcp_tools offered;
};

/// True if the bot has tools that the tools service alone knows: those of an MCP server,
/// which has to be asked what they are, and those with secrets that have to be decrypted.
bool needs_service(const bot_record& bot) noexcept;

/// The tools of a bot: the built-in and HTTP ones under their names, of each server those
/// that the bot allows and does not deny, under distinct names.
toolbox make_toolbox(const bot_record& bot, const std::vector<server_offer>& offers);

} // namespace troupe
