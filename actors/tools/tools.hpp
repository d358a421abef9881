#pragma once

#include "actors/clock.hpp"
#include "actors/interfaces.hpp"
#include "actors/remote/outbound.hpp"
#include "actors/remote/secrets.hpp"

#include <caf/result.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

/// The tools service: what bots' tools are, and the calls of those that are reached over
/// the network. Spawned by the node. It starts an actor for each call of an HTTP tool, and
/// one for each MCP server in use, which lives until nobody has asked for a while; either
/// one may die of what it is sent without taking anything else with it.
namespace troupe {

struct tools_config {
  std::shared_ptr<outbound_client> outbound;
  clock_function clock;
  /// Opens what is encrypted in tools' headers; null for no key.
  secret_box_ptr secrets{};
};

class tools_state {
public:
  static inline const char* name = "tools";

  explicit tools_state(tools_actor::pointer self) : self_{self} {}

  void start(tools_config config) { config_ = std::move(config); }

  caf::result<toolbox_result> get(const get_toolbox& question);
  caf::result<tool_result> call(call_tool& request);
  void forget(const caf::actor_addr& gone);
  void stop_all();

private:
  /// The actor for an MCP server, as the tool names it.
  mcp_server_actor server_for(const tool_record& tool);

  tools_actor::pointer self_;
  tools_config config_;
  /// By everything that makes a server another one.
  std::map<std::string, mcp_server_actor> servers_;
};

tools_actor::behavior_type tools(tools_actor::stateful_pointer<tools_state> self, tools_config config);

} // namespace troupe
