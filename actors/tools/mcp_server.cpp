#include "actors/tools/mcp_server.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace troupe {

namespace {

using namespace std::chrono_literals;

constexpr auto tools_kept = 60s;
constexpr auto idle_limit = 10min;
constexpr int most_pages = 50;
constexpr std::size_t most_tools = 500;

/// Passes the answer to a message on: as soon as the stream has brought the response, or
/// when the body has ended.
class mcp_relay final : public outbound_listener {
public:
  mcp_relay(mcp_server_actor whom, std::uint64_t post, std::int64_t id) : whom_{std::move(whom)}, id_{id} {
    answer_.post = post;
  }

  void on_head(outbound_head head) override {
    streams_ = head.header("content-type").starts_with("text/event-stream");
    answer_.head = std::move(head);
  }

  bool on_data(std::string_view part) override {
    if (!streams_) {
      body_ += part;
      return true;
    }
    std::vector<sse_event> events;
    if (!parser_.read(part, events)) {
      on_failure({outbound_errc::malformed, "The MCP server's event stream is malformed.", true});
      return false;
    }
    for (auto& event : events)
      take(std::move(event.data));
    return !events.empty();
  }

  void on_end() override {
    if (streams_) {
      std::vector<sse_event> last;
      parser_.finish(last);
      for (auto& event : last)
        take(std::move(event.data));
    } else if (!body_.empty()) {
      answer_.messages.push_back(std::move(body_));
    }
    pass();
  }

  void on_failure(outbound_failure failure) override {
    answer_.failure = std::move(failure);
    pass();
  }

private:
  void take(std::string message) {
    const auto read = mcp::read(message);
    const auto* response = std::get_if<mcp::response>(&read);
    const bool awaited = response && response->id == id_;
    answer_.messages.push_back(std::move(message));
    if (awaited)
      pass();
  }
  void pass() {
    if (!std::exchange(passed_, true))
      caf::anon_send(whom_, std::move(answer_));
  }

  mcp_server_actor whom_;
  std::int64_t id_;
  bool streams_ = false;
  bool passed_ = false;
  sse_parser parser_;
  mcp_answered answer_;
  std::string body_;
};

} // namespace

void mcp_server_state::start(tool_record tool, std::shared_ptr<outbound_client> outbound, clock_function clock) {
  tool_ = std::move(tool);
  outbound_ = std::move(outbound);
  clock_ = std::move(clock);
  note_use();
}

void mcp_server_state::note_use() {
  self_->delayed_send(self_, idle_limit, mcp_idle{++idle_number_});
}

void mcp_server_state::idle(const mcp_idle& tick) {
  if (tick.number != idle_number_)
    return;
  if (!posts_.empty()) {
    note_use();
    return;
  }
  self_->quit();
}

// -- messages -----------------------------------------------------------------------

void mcp_server_state::send(std::string body, std::int64_t id, answer_function then, const post_options& options) {
  const auto limit = options.timeout.value_or(tool_.timeout);
  outbound_request request;
  request.url = tool_.url;
  request.headers = mcp::headers_of(session_id_, version_);
  request.body = std::move(body);
  request.timeouts = {std::min<std::chrono::milliseconds>(10s, limit), limit, limit, limit};
  request.max_answer = std::size_t{4} * 1024 * 1024;
  const auto number = ++last_post_;
  auto& entry = posts_[number];
  entry.id = id;
  entry.then = std::move(then);
  entry.asker = options.asker;
  for (const auto& [field, value] : tool_.headers) {
    auto expanded = expand_env(value);
    if (!expanded) {
      mcp_answered refused;
      refused.post = number;
      refused.failure
        = {outbound_errc::refused, "The header " + field + " names an environment variable that is not set.", false};
      self_->send(self_, std::move(refused));
      return;
    }
    request.headers.emplace_back(field, std::move(*expanded));
  }
  entry.call = outbound_->start(std::move(request), std::make_shared<mcp_relay>(mcp_server_actor{self_}, number, id));
}

void mcp_server_state::answered(mcp_answered& answer) {
  const auto found = posts_.find(answer.post);
  if (found == posts_.end())
    return;
  auto entry = std::move(found->second);
  posts_.erase(found);
  if (entry.asker)
    self_->demonitor(entry.asker);
  for (const auto& text : answer.messages) {
    const auto read = mcp::read(text);
    const auto* note = std::get_if<mcp::notification>(&read);
    if (auto reply = note ? mcp::answer_to(*note) : std::nullopt)
      send(std::move(*reply), 0, [](mcp_answered&) {
        // It is the server that wanted to know.
      });
  }
  entry.then(answer);
}

std::variant<std::string, mcp::malformed> mcp_server_state::result_of(const mcp_answered& answer, std::int64_t id) {
  if (answer.failure)
    return mcp::malformed{answer.failure->error};
  if (answer.head.status / 100 != 2)
    return mcp::malformed{"The MCP server answered HTTP " + std::to_string(answer.head.status) + "."};
  std::string wrong = "The MCP server sent no answer.";
  for (const auto& text : answer.messages) {
    auto message = mcp::read(text);
    if (auto* response = std::get_if<mcp::response>(&message); response && response->id == id) {
      if (auto* refusal = std::get_if<mcp::error>(&response->result))
        return mcp::malformed{"The MCP server refused: " + providers::excerpt(refusal->message)};
      return std::move(std::get<std::string>(response->result));
    }
    const auto* note = std::get_if<mcp::notification>(&message);
    if (note && note->method == "notifications/tools/list_changed")
      tools_ = nullptr;
    if (auto* unreadable = std::get_if<mcp::malformed>(&message))
      wrong = std::move(unreadable->error);
  }
  return mcp::malformed{std::move(wrong)};
}

// -- the session ----------------------------------------------------------------------

void mcp_server_state::with_session(std::function<void(const std::string*)> then) {
  if (session_ == session_state::open) {
    then(nullptr);
    return;
  }
  awaiting_session_.push_back(std::move(then));
  if (session_ == session_state::closed)
    open_session();
}

void mcp_server_state::open_session() {
  session_ = session_state::opening;
  session_id_.clear();
  version_.clear();
  tools_ = nullptr;
  const auto id = ++last_id_;
  send(mcp::initialize(id, TROUPE_VERSION), id, [this](mcp_answered& answer) { take_session(answer); });
}

void mcp_server_state::take_session(mcp_answered& answer) {
  auto result = result_of(answer, last_id_);
  if (const auto* wrong = std::get_if<mcp::malformed>(&result)) {
    session_opened(&wrong->error);
    return;
  }
  auto info = mcp::read_session(std::get<std::string>(result));
  if (const auto* wrong = std::get_if<mcp::malformed>(&info)) {
    session_opened(&wrong->error);
    return;
  }
  version_ = std::get<mcp::session_info>(info).version;
  session_id_ = answer.head.header("mcp-session-id");
  // Nothing else may be asked before the server knows that it is open.
  send(mcp::initialized(), 0, [this](mcp_answered& told) {
    if (told.failure)
      session_opened(&told.failure->error);
    else
      session_opened(nullptr);
  });
}

void mcp_server_state::session_opened(const std::string* error) {
  session_ = error ? session_state::closed : session_state::open;
  for (auto& then : std::exchange(awaiting_session_, {}))
    then(error);
}

bool mcp_server_state::has_forgotten_us(const mcp_answered& answer) const {
  // 404 by the protocol; 400 by servers that take an unknown session for none.
  return !answer.failure && !session_id_.empty() && (answer.head.status == 404 || answer.head.status == 400);
}

void mcp_server_state::forget_session() {
  // Others may have been told the same, and a new one be under way.
  if (session_ == session_state::open)
    session_ = session_state::closed;
}

// -- tools ------------------------------------------------------------------------------

caf::typed_response_promise<mcp_tools> mcp_server_state::list() {
  note_use();
  auto promise = self_->make_response_promise<mcp_tools>();
  if (tools_ && self_->clock().now() - tools_at_ < tools_kept) {
    promise.deliver(tools_);
    return promise;
  }
  awaiting_tools_.push_back(promise);
  if (awaiting_tools_.size() > 1)
    return promise;
  with_session([this](const std::string* error) {
    if (error)
      fetched(error, nullptr);
    else
      fetch_tools({}, std::make_shared<std::vector<tool_definition>>(), true);
  });
  return promise;
}

void mcp_server_state::fetch_tools(std::string cursor, std::shared_ptr<std::vector<tool_definition>> so_far,
                                   bool again) {
  const auto id = ++last_id_;
  send(mcp::list_tools(id, cursor), id, [this, id, again, so_far](mcp_answered& answer) {
    if (again && has_forgotten_us(answer)) {
      forget_session();
      with_session([this](const std::string* error) {
        // A server that forgets each session at once is no reason to try again and again.
        if (error)
          fetched(error, nullptr);
        else
          fetch_tools({}, std::make_shared<std::vector<tool_definition>>(), false);
      });
      return;
    }
    auto result = result_of(answer, id);
    if (const auto* wrong = std::get_if<mcp::malformed>(&result)) {
      fetched(&wrong->error, nullptr);
      return;
    }
    auto read = mcp::read_tools(std::get<std::string>(result));
    if (const auto* wrong = std::get_if<mcp::malformed>(&read)) {
      fetched(&wrong->error, nullptr);
      return;
    }
    auto& page = std::get<mcp::tool_page>(read);
    std::move(page.tools.begin(), page.tools.end(), std::back_inserter(*so_far));
    if (page.next_cursor.empty() || so_far->size() >= most_tools)
      fetched(nullptr, so_far);
    else
      fetch_tools(std::move(page.next_cursor), so_far, again);
  });
}

void mcp_server_state::fetched(const std::string* error, std::shared_ptr<std::vector<tool_definition>> found) {
  if (!error) {
    tools_ = std::move(found);
    tools_at_ = self_->clock().now();
  }
  for (auto& promise : std::exchange(awaiting_tools_, {})) {
    if (error)
      promise.deliver(caf::make_error(errc::unavailable, *error));
    else
      promise.deliver(tools_);
  }
}

// -- calls ------------------------------------------------------------------------------

caf::typed_response_promise<tool_result> mcp_server_state::call(const call_tool& request) {
  note_use();
  // The promise takes the sender with it.
  const auto asker = caf::actor_cast<caf::actor>(self_->current_sender());
  auto promise = self_->make_response_promise<tool_result>();
  make_call(request, promise, asker ? asker.address() : caf::actor_addr{}, true);
  return promise;
}

void mcp_server_state::make_call(call_tool request, caf::typed_response_promise<tool_result> promise,
                                 caf::actor_addr asker, bool again) {
  // Held for the case that this actor ends before there is an answer.
  const auto id = ++last_id_;
  calls_.emplace(id, promise);
  const auto answer = [this, id](tool_result result) {
    const auto open = calls_.find(id);
    if (open == calls_.end())
      return;
    open->second.deliver(std::move(result));
    calls_.erase(open);
  };
  with_session(
    [this, request = std::move(request), answer, promise, asker, again, id](const std::string* error) mutable {
      const auto* route = request.tools->find(request.call.tool);
      if (error) {
        auto failed = failed_tool(*error);
        failed.retry = error_class::transient;
        answer(std::move(failed));
        return;
      }
      const auto& key = route->tool.repeat == repeat_rule::safe ? std::string{} : request.key;
      if (asker)
        self_->monitor(asker);
      send(
        mcp::call_tool(id, route->remote_name, request.call.arguments, key), id,
        [this, request, answer, promise, asker, again, id, rule = route->tool.repeat](mcp_answered& got) mutable {
          if (again && has_forgotten_us(got)) {
            // The server has not looked at the call.
            forget_session();
            calls_.erase(id);
            make_call(std::move(request), promise, asker, false);
            return;
          }
          if (got.failure) {
            answer(read_tool_failure(*got.failure, rule));
            return;
          }
          if (got.head.status / 100 != 2) {
            answer(
              read_tool_response(got.head, got.messages.empty() ? std::string_view{} : got.messages.front(), clock_()));
            return;
          }
          auto result = result_of(got, id);
          if (const auto* wrong = std::get_if<mcp::malformed>(&result))
            answer(failed_tool(wrong->error));
          else
            answer(mcp::read_call(std::get<std::string>(result)));
        },
        post_options{asker, route->tool.timeout});
    });
}

void mcp_server_state::asker_ended(const caf::down_msg& down) {
  std::vector<std::int64_t> given_up;
  std::erase_if(posts_, [&](const auto& entry) {
    const auto& one = entry.second;
    if (one.asker != down.source)
      return false;
    outbound_->cancel(one.call);
    given_up.push_back(one.id);
    return true;
  });
  for (const auto id : given_up) {
    if (const auto call = calls_.find(id); call != calls_.end()) {
      call->second.deliver(failed_tool("The call was given up."));
      calls_.erase(call);
    }
    if (session_ == session_state::open)
      send(mcp::cancelled(id, "The task has ended."), 0, [](mcp_answered&) {
        // It is told out of courtesy.
      });
  }
}

void mcp_server_state::close() {
  for (const auto& [number, one] : posts_)
    outbound_->cancel(one.call);
  posts_.clear();
  for (auto& promise : std::exchange(awaiting_tools_, {}))
    promise.deliver(caf::make_error(errc::unavailable, std::string{"The session with the MCP server was closed."}));
  for (auto& [id, promise] : std::exchange(calls_, {}))
    promise.deliver(failed_tool("The session with the MCP server was closed."));
}

// -- the actor ----------------------------------------------------------------------------

mcp_server_actor::behavior_type mcp_server(mcp_server_actor::stateful_pointer<mcp_server_state> self, tool_record tool,
                                           std::shared_ptr<outbound_client> outbound, clock_function clock) {
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    self->state.close();
    return to_error(thrown);
  });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.close();
    self->quit(exit.reason);
  });
  self->set_down_handler([self](const caf::down_msg& down) { self->state.asker_ended(down); });
  self->state.start(std::move(tool), std::move(outbound), std::move(clock));
  return {
    [self](const get_mcp_tools&) { return self->state.list(); },
    [self](const call_tool& request) { return self->state.call(request); },
    [self](mcp_answered& answer) { self->state.answered(answer); },
    [self](const mcp_idle& tick) { self->state.idle(tick); },
  };
}

} // namespace troupe
