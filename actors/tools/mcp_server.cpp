#include "actors/tools/mcp_server.hpp"

#include "actors/tools/mcp_relay.hpp"
#include "persistence/logging/log.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <utility>
#include <variant>

/// Exchanges, times, and the actor.
namespace troupe {

namespace {

using namespace std::chrono_literals;

constexpr auto idle_limit = 10min;
constexpr std::chrono::milliseconds longest_mcp_turn = 30s;
constexpr std::chrono::milliseconds longest_mcp_connect = 10s;
/// A stream without a word for so long is opened again.
constexpr std::chrono::milliseconds longest_silence = 1h;
/// What a server may ask in one exchange, and on a stream that stays open.
constexpr int most_questions = 100;
constexpr int most_questions_of_stream = 1000;
/// Answers to it that are under way, and those that wait for that. Beyond, it gets none.
constexpr std::size_t most_replies = 4;
constexpr std::size_t most_waiting_replies = 100;

/// Of what nobody waits for.
constexpr std::chrono::milliseconds courtesy = 10s;
/// At the end of the process.
constexpr std::chrono::milliseconds longest_farewell = 1s;

} // namespace

void mcp_server_state::start(tool_record tool, std::shared_ptr<outbound_client> outbound, clock_function clock) {
  tool_ = std::move(tool);
  url_ = tool_.url;
  outbound_ = std::move(outbound);
  clock_ = std::move(clock);
  note_use();
  look_for_use(idle_limit);
}

// -- times ----------------------------------------------------------------------------

std::uint64_t mcp_server_state::after(milliseconds wait, std::function<void()> then) {
  const auto number = ++last_number_;
  timers_.emplace(number, std::move(then));
  self_->delayed_send(self_, wait, mcp_due{number});
  return number;
}

void mcp_server_state::forget_timer(std::uint64_t& number) {
  timers_.erase(std::exchange(number, 0));
}

void mcp_server_state::due(const mcp_due& tick) {
  const auto found = timers_.find(tick.number);
  if (found == timers_.end())
    return;
  const auto then = std::move(found->second);
  timers_.erase(found);
  then();
}

void mcp_server_state::look_for_use(milliseconds wait) {
  after(wait, [this] {
    const auto idle = std::chrono::duration_cast<milliseconds>(now() - used_at_);
    // A task's session is in use as long as its attempt lives.
    const bool in_use = !calls_.empty() || sessions_.size() > 1;
    if (in_use || idle < idle_limit) {
      look_for_use(in_use ? milliseconds{idle_limit} : idle_limit - idle);
      return;
    }
    for (const auto& id : close())
      end_session(id);
    self_->quit();
  });
}

void mcp_server_state::watch(const caf::actor_addr& asker) {
  if (asker && watched_.insert(asker).second)
    self_->monitor(asker);
}

// -- exchanges --------------------------------------------------------------------------

std::variant<outbound_request, std::string> mcp_server_state::make_request(const std::string& session_id) const {
  outbound_request request;
  request.url = url_;
  if (!session_id.empty())
    request.headers.emplace_back("Mcp-Session-Id", session_id);
  for (const auto& [field, value] : tool_.headers) {
    auto expanded = expand_env(value);
    if (!expanded)
      return "The header " + field + " names an environment variable that is not set.";
    request.headers.emplace_back(field, std::move(*expanded));
  }
  return request;
}

std::uint64_t mcp_server_state::send(const std::string& session_key, mcp::outgoing message,
                                     const exchange_options& options, answer_function then) {
  const auto number = ++last_number_;
  auto& entry = exchanges_[number];
  entry.session = session_key;
  if (const auto where = sessions_.find(session_key); where != sessions_.end())
    entry.session_id = where->second.id;
  entry.is_modern = how_.is_modern();
  entry.then = std::move(then);
  entry.message = std::move(message);
  entry.options = options;
  entry.began = now();
  post(number, entry);
  return number;
}

void mcp_server_state::post(std::uint64_t number, exchange& entry) {
  auto made = make_request(entry.session_id);
  if (auto* wrong = std::get_if<std::string>(&made)) {
    drop(number, std::move(*wrong));
    return;
  }
  auto& request = std::get<outbound_request>(made);
  const auto& [body, headers] = entry.message;
  const auto& options = entry.options;
  request.method = options.method;
  request.headers.insert(request.headers.begin(), headers.begin(), headers.end());
  request.body = body;
  const auto limit = options.listens ? longest_silence : options.timeout;
  // A call that gets no turn says so within its time, as one that was not made.
  request.timeouts = {std::min(longest_mcp_turn, limit / 2), std::min(longest_mcp_connect, limit), limit, limit, limit};
  request.share = options.listens ? outbound_share::stream : outbound_share::call;
  request.max_answer = options.listens ? std::size_t{0} - 1 : longest_mcp_stream;
  entry.call = outbound_->start(
    std::move(request), std::make_shared<mcp_relay>(mcp_server_actor{self_}, number, options.id, options.listens));
}

bool mcp_server_state::follow(std::uint64_t number, exchange& entry, const mcp::answer& got) {
  constexpr int most_moves = 3;
  auto moved = got.failure ? std::nullopt : mcp::moved_to(got.head, url_);
  if (!moved || ++entry.moves > most_moves)
    return false;
  hang_up(entry.call);
  url_ = std::move(*moved);
  auto& again = (exchanges_[number] = std::move(entry));
  post(number, again);
  return true;
}

void mcp_server_state::drop(std::uint64_t number, std::string error) {
  mcp_answered refused;
  refused.exchange = number;
  refused.answer.failure = {outbound_errc::refused, std::move(error), false};
  self_->send(self_, std::move(refused));
}

void mcp_server_state::tell(const std::string& session_key, mcp::outgoing message) {
  send(session_key, std::move(message), {.timeout = courtesy}, [](const exchange&, mcp::answer&) {
    // It is the server that wanted to know.
  });
}

void mcp_server_state::reply(std::string session_key, mcp::outgoing message) {
  if (replies_.size() < most_waiting_replies)
    replies_.emplace_back(std::move(session_key), std::move(message));
  send_replies();
}

void mcp_server_state::send_replies() {
  while (replying_ < most_replies && !replies_.empty()) {
    auto [key, message] = std::move(replies_.front());
    replies_.pop_front();
    // What a session asked that is gone need not be answered.
    if (!sessions_.contains(key))
      continue;
    ++replying_;
    send(key, std::move(message), {.timeout = courtesy, .is_reply = true}, [this](const exchange&, mcp::answer&) {
      --replying_;
      send_replies();
    });
  }
}

void mcp_server_state::hang_up(std::uint64_t call) {
  if (call != 0)
    outbound_->cancel(call);
}

void mcp_server_state::cancel(std::uint64_t& number) {
  const auto found = exchanges_.find(std::exchange(number, 0));
  if (found == exchanges_.end())
    return;
  hang_up(found->second.call);
  exchanges_.erase(found);
}

void mcp_server_state::told(const mcp_told& news) {
  const auto found = exchanges_.find(news.exchange);
  if (found == exchanges_.end())
    return;
  auto& from = found->second;
  if (news.note.method == "notifications/tools/list_changed")
    list_changed(from.session);
  else if (news.note.method == "notifications/subscriptions/acknowledged")
    hears_changes_ = true;
  auto answer = mcp::answer_to(how_, news.note);
  if (answer && ++from.questions <= (from.options.listens ? most_questions_of_stream : most_questions))
    reply(from.session, std::move(*answer));
}

void mcp_server_state::log_exchange(const exchange& ended, const mcp::answer& got) const {
  logging::debug("MCP exchange", [&](auto& line) {
    line.add("server", tool_.name).add("host", logging::host_of(url_)).add("method", ended.options.method);
    line.add("status", got.head.status);
    line.add("took_ms", std::chrono::duration_cast<std::chrono::microseconds>(now() - ended.began));
    line.add_if_any("error", got.failure ? got.failure->error : "");
  });
}

void mcp_server_state::answered(mcp_answered& answer) {
  const auto found = exchanges_.find(answer.exchange);
  if (found == exchanges_.end())
    return;
  auto entry = std::move(found->second);
  exchanges_.erase(found);
  log_exchange(entry, answer.answer);
  if (follow(answer.exchange, entry, answer.answer))
    return;
  // A stream may go on behind the answer, which nobody reads: it gets a moment to end by itself, so that its
  // connection can be used again.
  // Of an answer to it nothing is of interest, and an open one would count as none.
  if (answer.answer.failure || entry.options.is_reply)
    hang_up(entry.call);
  else if (answer.answer.streamed || !entry.options.id)
    after(1s, [this, call = entry.call] { hang_up(call); });
  entry.then(entry, answer.answer);
}

// -- the end ----------------------------------------------------------------------------

void mcp_server_state::asker_ended(const caf::down_msg& down) {
  watched_.erase(down.source);
  forget_waiters(down.source);
  std::vector<std::uint64_t> ended;
  for (const auto& [number, call] : calls_)
    if (call.asker == down.source)
      ended.push_back(number);
  for (const auto number : ended)
    give_up(number, "The task has ended.", failed_tool("The call was given up."));
  owner_ended(down);
}

std::vector<std::string> mcp_server_state::close() {
  constexpr std::string_view closed = "The MCP server is not spoken to any more.";
  for (auto& [number, one] : exchanges_)
    hang_up(one.call);
  exchanges_.clear();
  timers_.clear();
  replies_.clear();
  for (auto& [number, call] : std::exchange(calls_, {}))
    call.promise.deliver(failed_tool(closed));
  const mcp_tools_result failure = toolbox_failure{error_class::transient, std::string{closed}, {}};
  std::vector<std::string> open;
  for (auto& [key, one] : std::exchange(sessions_, {})) {
    for (const auto& waiter : one.list.waiting)
      waiter.then(failure);
    if (!one.id.empty())
      open.push_back(one.id);
  }
  return open;
}

void mcp_server_state::shut_down(const caf::error& reason) {
  const auto open = close();
  is_closed_ = true;
  if (open.empty()) {
    self_->quit(reason);
    return;
  }
  // The outbound client may end with this actor, which waits for a moment therefore.
  const auto left = std::make_shared<std::size_t>(open.size());
  for (const auto& id : open) {
    const auto number = ++last_number_;
    exchanges_[number].then = [this, left, reason](const exchange&, const mcp::answer&) {
      if (--*left == 0)
        self_->quit(reason);
    };
    end_session(id, std::make_shared<mcp_relay>(mcp_server_actor{self_}, number, std::nullopt));
  }
  after(longest_farewell, [this, reason] { self_->quit(reason); });
}

mcp_server_actor::behavior_type mcp_server(mcp_server_actor::stateful_pointer<mcp_server_state> self, tool_record tool,
                                           std::shared_ptr<outbound_client> outbound, clock_function clock) {
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    self->state.close();
    return to_error(thrown);
  });
  self->set_exit_handler([self](const caf::exit_msg& exit) { self->state.shut_down(exit.reason); });
  self->set_down_handler([self](const caf::down_msg& down) { self->state.asker_ended(down); });
  self->state.start(std::move(tool), std::move(outbound), std::move(clock));
  return {
    [self](const get_mcp_tools& question) { return self->state.list(question); },
    [self](const call_tool& request) { return self->state.call(request); },
    [self](const mcp_told& news) { self->state.told(news); },
    [self](mcp_answered& answer) { self->state.answered(answer); },
    [self](const mcp_due& tick) { self->state.due(tick); },
  };
}

} // namespace troupe
