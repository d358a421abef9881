#include "actors/tools/tools.hpp"

#include "actors/timeouts.hpp"
#include "actors/tools/http_call.hpp"
#include "actors/tools/mcp_server.hpp"

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace troupe {

namespace {

/// A bot's tools while its MCP servers are asked for theirs.
struct collection {
  std::shared_ptr<const bot_record> bot;
  /// In the bot's order, whichever answers first.
  std::vector<server_offer> offers;
  std::vector<std::string> notes;
  caf::typed_response_promise<toolbox_result> answer;
  bool tolerant = false;
  std::size_t open = 0;
  bool answered = false;
};

/// An MCP server's actor takes at most twice the time of a call.
constexpr int times_to_list = 2;

/// What there is once the last one has answered.
void deliver_if_whole(collection& all) {
  if (all.open > 0 || std::exchange(all.answered, true))
    return;
  std::erase_if(all.offers, [](const auto& offer) { return !offer.offered; });
  auto box = make_toolbox(*all.bot, all.offers);
  box.notes.insert(box.notes.end(), all.notes.begin(), all.notes.end());
  all.answer.deliver(toolbox_result{std::make_shared<const toolbox>(std::move(box))});
}

void take_offer(collection& all, std::size_t index, const mcp_tools_result& result) {
  --all.open;
  if (const auto* tools = std::get_if<mcp_tools>(&result)) {
    all.offers[index].offered = *tools;
  } else {
    auto failure = std::get<toolbox_failure>(result);
    const auto what = "The MCP server '" + all.offers[index].server.name + "' does not list its tools: ";
    failure.error.insert(0, what);
    if (failure.own_words != logging::all_own)
      failure.own_words += what.size();
    if (all.tolerant)
      all.notes.push_back(std::move(failure.error));
    else if (!std::exchange(all.answered, true))
      all.answer.deliver(toolbox_result{std::move(failure)});
  }
  deliver_if_whole(all);
}

std::string key_of(const tool_record& tool) {
  std::string key = tool.url;
  for (const auto& [name, value] : tool.headers)
    key += '\n' + name + ':' + value;
  return key;
}

} // namespace

caf::result<toolbox_result> tools_state::get(const get_toolbox& question) {
  // The promise takes the sender with it.
  const auto asker = caf::actor_cast<caf::actor>(self_->current_sender());
  auto all = std::make_shared<collection>();
  // What makes calls has the secrets themselves, whatever they are encrypted in.
  auto opened = std::make_shared<bot_record>(*question.bot);
  if (auto wrong = open_tools(*opened, config_.secrets.get()))
    return toolbox_result{toolbox_failure{error_class::permanent, *std::move(wrong), {}}};
  all->bot = std::move(opened);
  all->tolerant = question.tolerant;
  all->answer = self_->make_response_promise<toolbox_result>();
  for (const auto& tool : all->bot->tools)
    if (tool.type == tool_kind::mcp)
      all->offers.push_back({tool, nullptr});
  all->open = all->offers.size();
  get_mcp_tools wanted{question.task_id, question.fresh, asker ? asker.address() : caf::actor_addr{}};
  for (std::size_t i = 0; i < all->offers.size(); ++i) {
    const auto& server = all->offers[i].server;
    const auto usual = server.timeout * times_to_list + timeouts::tool_margin;
    const auto wait = question.tolerant ? std::min(usual, timeouts::look_at_tools) : usual;
    self_->request(server_for(server), wait, wanted)
      .then([all, i](const mcp_tools_result& result) { take_offer(*all, i, result); },
            [all, i](const caf::error& reason) {
              auto [text, own_words] = cite("It was not asked", reason);
              take_offer(*all, i, toolbox_failure{error_class::transient, std::move(text), {}, own_words});
            });
  }
  if (all->offers.empty())
    deliver_if_whole(*all);
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
