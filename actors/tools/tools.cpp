#include "actors/tools/tools.hpp"

#include "actors/timeouts.hpp"
#include "actors/tools/http_call.hpp"
#include "actors/tools/mcp_server.hpp"

#include <caf/exit_reason.hpp>
#include <caf/stateful_actor.hpp>

#include <memory>
#include <utility>

namespace troupe {

namespace {

/// A bot's tools while its MCP servers are asked for theirs.
struct collection {
  toolbox box;
  caf::typed_response_promise<toolbox_ptr> answer;
  int open = 0;
  bool failed = false;
};

/// Opening a session, saying that it is open, and a few pages of tools.
constexpr int posts_to_list = 6;

std::string key_of(const tool_record& tool) {
  std::string key = tool.url;
  for (const auto& [name, value] : tool.headers)
    key += '\n' + name + ':' + value;
  return key;
}

} // namespace

caf::result<toolbox_ptr> tools_state::get(const get_toolbox& question) {
  auto all = std::make_shared<collection>();
  all->box = local_tools(*question.bot);
  all->answer = self_->make_response_promise<toolbox_ptr>();
  // In the bot's order, whichever answers first.
  std::vector<tool_record> servers;
  for (const auto& tool : question.bot->tools)
    if (tool.type == tool_kind::mcp)
      servers.push_back(tool);
  all->open = static_cast<int>(servers.size());
  if (servers.empty())
    all->answer.deliver(std::make_shared<const toolbox>(std::move(all->box)));
  for (const auto& server : servers) {
    self_->request(server_for(server), server.timeout * posts_to_list + timeouts::tool_margin, get_mcp_tools{})
      .then(
        [all, server](const mcp_tools& offered) {
          add_tools(all->box, server, *offered);
          if (--all->open == 0 && !all->failed)
            all->answer.deliver(std::make_shared<const toolbox>(std::move(all->box)));
        },
        [all, server](const caf::error& reason) {
          --all->open;
          if (!std::exchange(all->failed, true))
            all->answer.deliver(
              caf::make_error(errc::unavailable,
                              "The MCP server '" + server.name + "' does not list its tools: " + sentence_of(reason)));
        });
  }
  return all->answer;
}

caf::result<tool_result> tools_state::call(call_tool& request) {
  const auto* route = request.tools->find(request.call.tool);
  if (!route)
    return failed_tool("This bot has no such tool.");
  switch (route->tool.type) {
  case tool_kind::mcp: return self_->delegate(server_for(route->tool), std::move(request));
  case tool_kind::http:
    return self_->delegate(self_->spawn(http_call, config_.outbound, config_.clock), std::move(request));
  case tool_kind::builtin: break;
  }
  return failed_tool("A built-in tool is called by its task itself.");
}

mcp_server_actor tools_state::server_for(const tool_record& tool) {
  auto& found = servers_[key_of(tool)];
  if (!found)
    found = self_->spawn<caf::monitored>(mcp_server, tool, config_.outbound, config_.clock);
  return found;
}

void tools_state::forget(const caf::actor_addr& gone) {
  std::erase_if(servers_, [&](const auto& entry) { return entry.second.address() == gone; });
}

void tools_state::stop_all() {
  for (const auto& [key, server] : servers_)
    self_->send_exit(server, caf::exit_reason::user_shutdown);
  servers_.clear();
}

tools_actor::behavior_type tools(tools_actor::stateful_pointer<tools_state> self, tools_config config) {
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    self->state.stop_all();
    return to_error(thrown);
  });
  self->set_down_handler([self](const caf::down_msg& down) { self->state.forget(down.source); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.stop_all();
    self->quit(exit.reason);
  });
  self->state.start(std::move(config));
  return {
    [self](const get_toolbox& question) { return self->state.get(question); },
    [self](call_tool& request) { return self->state.call(request); },
  };
}

} // namespace troupe
