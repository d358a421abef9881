#include "actors/tools/mcp_server.hpp"
#include "persistence/logging/say.hpp"

#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <utility>
#include <variant>

/// The list of tools.
namespace troupe {

namespace {

using namespace std::chrono_literals;

/// A list that can't be had anew is used for so long.
constexpr auto oldest_list = 1h;
/// Before a list is asked for again that could not be had.
constexpr std::chrono::milliseconds list_again = 5s;

mcp_tools no_tools() {
  mcp::tool_list none;
  none.notes.push_back({{}, "It offers no tools."});
  return std::make_shared<const mcp::tool_list>(std::move(none));
}

void log_notes(const tool_record& server, const mcp::tool_list& list) {
  for (const auto& note : list.notes)
    say::warn("The MCP server '{}': {}", server.name, note.text);
}

} // namespace

caf::typed_response_promise<mcp_tools_result> mcp_server_state::list(const get_mcp_tools& question) {
  note_use();
  auto promise = self_->make_response_promise<mcp_tools_result>();
  if (is_closed_) {
    promise.deliver(
      mcp_tools_result{toolbox_failure{error_class::transient, "The MCP server is not spoken to any more.", {}}});
    return promise;
  }
  const auto own = sessions_.find(question.task_id.is_nil() ? std::string{} : question.task_id.to_string());
  const bool has_own = own != sessions_.end() && own->second.has_own_tools;
  with_list(has_own ? own->first : std::string{}, question.fresh,
            {question.asker, [promise](const mcp_tools_result& result) mutable { promise.deliver(result); }});
  return promise;
}

void mcp_server_state::with_list(const std::string& key, bool fresh, listing::waiter waiter) {
  auto& list = sessions_[key].list;
  if (!fresh && is_fresh(list)) {
    waiter.then(list.tools);
    return;
  }
  watch(waiter.asker);
  list.waiting.push_back(std::move(waiter));
  if (list.run == 0)
    fetch(key);
}

bool mcp_server_state::is_fresh(const listing& list) const {
  const bool is_young
    = !list.changed && now() - list.fetched_at < mcp::list_lifetime(how_, list.time_to_live, hears_changes_);
  return list.tools && (is_young || now() < list.again_at);
}

void mcp_server_state::fetch(const std::string& key) {
  auto& list = sessions_[key].list;
  const auto run = list.run = ++last_number_;
  list.changed = false;
  const auto limit = 2 * tool_.timeout;
  after(limit, [this, key, run, limit] {
    listed(key, run,
           toolbox_failure{error_class::transient,
                           "It had not listed its tools within " + std::to_string(limit.count()) + " s.",
                           {}});
  });
  fetch_page(key, run, nullptr, true);
}

void mcp_server_state::fetch_page(const std::string& key, std::uint64_t run, std::shared_ptr<mcp::tool_collector> pages,
                                  bool again) {
  with_session(key, [this, key, run, pages = std::move(pages), again](const toolbox_failure* failure) {
    const auto found = sessions_.find(key);
    if (found == sessions_.end() || found->second.list.run != run)
      return;
    if (failure) {
      listed(key, run, *failure);
      return;
    }
    if (!info_.has_tools) {
      listed(key, run, no_tools());
      return;
    }
    const auto id = ++last_id_;
    const auto collected = pages ? pages : std::make_shared<mcp::tool_collector>(how_);
    const auto cursor = pages ? pages->next() : std::nullopt;
    found->second.list.exchange
      = send(key, mcp::list_tools(how_, id, cursor), {.id = id, .timeout = tool_.timeout},
             [this, key, run, collected, again](const exchange& from, const mcp::answer& got) {
               if (again && must_start_over(from, got))
                 fetch_page(key, run, nullptr, false);
               else
                 take_page(key, run, collected, got);
             });
  });
}

void mcp_server_state::take_page(const std::string& key, std::uint64_t run,
                                 const std::shared_ptr<mcp::tool_collector>& pages, const mcp::answer& got) {
  const auto found = sessions_.find(key);
  if (found == sessions_.end() || found->second.list.run != run)
    return;
  found->second.list.exchange = 0;
  auto result = mcp::result_of(got, clock_());
  if (auto* failure = std::get_if<toolbox_failure>(&result)) {
    if (got.refused_with(mcp::codes::method_not_found) && how_.speaks == mcp::era::legacy)
      listed(key, run, no_tools());
    else
      listed(key, run, std::move(*failure));
    return;
  }
  if (!pages->take(std::get<std::string>(result))) {
    listed(key, run,
           toolbox_failure{error_class::permanent, "The MCP server answered with something that lists no tools.", {}});
    return;
  }
  if (pages->next()) {
    fetch_page(key, run, pages, false);
    return;
  }
  found->second.list.time_to_live = pages->time_to_live();
  listed(key, run, std::make_shared<const mcp::tool_list>(std::move(*pages).finish()));
}

void mcp_server_state::listed(const std::string& key, std::uint64_t run, mcp_tools_result result) {
  const auto found = sessions_.find(key);
  if (found == sessions_.end() || found->second.list.run != run)
    return;
  auto& list = found->second.list;
  list.run = 0;
  cancel(list.exchange);
  if (auto* tools = std::get_if<mcp_tools>(&result)) {
    log_notes(tool_, **tools);
    list.tools = std::move(*tools);
    list.fetched_at = now();
    result = list.tools;
  } else if (const auto& failure = std::get<toolbox_failure>(result);
             failure.kind != error_class::permanent && list.tools && now() - list.fetched_at < oldest_list) {
    say::warn("The MCP server '{}' does not list its tools; those that it had are used: {}", tool_.name,
              logging::own_part(failure.error, failure.own_words));
    list.again_at = now() + list_again;
    result = list.tools;
  }
  for (const auto& waiter : std::exchange(list.waiting, {}))
    waiter.then(result);
}

void mcp_server_state::list_changed(const std::string& key) {
  if (const auto found = sessions_.find(key); found != sessions_.end()) {
    found->second.list.changed = true;
    found->second.has_own_tools = !key.empty();
  }
  if (const auto shared = sessions_.find({}); shared != sessions_.end())
    shared->second.list.changed = true;
}

void mcp_server_state::forget_waiters(const caf::actor_addr& asker) {
  for (auto& [key, one] : sessions_) {
    auto& list = one.list;
    const auto gone = std::erase_if(list.waiting, [&](const auto& waiter) { return waiter.asker == asker; });
    if (gone == 0 || !list.waiting.empty())
      continue;
    list.run = 0;
    cancel(list.exchange);
  }
}

} // namespace troupe
