#include "actors/toolbox/mcp_result.hpp"
#include "actors/tools/mcp_server.hpp"
#include "persistence/logging/log.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <utility>
#include <variant>

/// Calls.
namespace troupe {

namespace {

using namespace std::chrono_literals;

/// Connections of calls; others wait for their turn, within their time.
constexpr std::size_t most_calls = 32;
/// How often a tool may ask to be asked again.
constexpr int most_rounds = 10;
constexpr int most_resumed = 5;
constexpr std::chrono::milliseconds resume_after = 1s;

} // namespace

caf::typed_response_promise<tool_result> mcp_server_state::call(const call_tool& request) {
  note_use();
  // The promise takes the sender with it.
  const auto asker = caf::actor_cast<caf::actor>(self_->current_sender());
  auto promise = self_->make_response_promise<tool_result>();
  if (is_closed_) {
    promise.deliver(failed_tool("The MCP server is not spoken to any more."));
    return promise;
  }
  const auto number = ++last_number_;
  auto& call = calls_[number];
  const auto* route = request.tools->find(request.call.tool);
  call.request = request;
  call.tool = route->tool;
  call.remote_name = route->remote_name;
  call.promise = promise;
  call.asker = asker ? asker.address() : caf::actor_addr{};
  watch(call.asker);
  call.deadline = now() + call.tool.timeout;
  call.timer = after(call.tool.timeout, [this, number] { overdue(number); });
  waiting_calls_.push_back(number);
  start_calls();
  return promise;
}

void mcp_server_state::start_calls() {
  while (running_calls_ < most_calls && !waiting_calls_.empty()) {
    const auto number = waiting_calls_.front();
    waiting_calls_.pop_front();
    auto* call = find_call(number);
    // One whose time is up as well ends by itself.
    if (!call || call->deadline <= now())
      continue;
    call->running = true;
    ++running_calls_;
    open_for(number);
  }
}

mcp_server_state::pending_call* mcp_server_state::find_call(std::uint64_t number) {
  const auto found = calls_.find(number);
  return found == calls_.end() ? nullptr : &found->second;
}

mcp_server_state::milliseconds mcp_server_state::time_left(const pending_call& call) const {
  return std::max(std::chrono::duration_cast<milliseconds>(call.deadline - now()), 1ms);
}

// -- making a call ------------------------------------------------------------------------

void mcp_server_state::open_for(std::uint64_t number) {
  const auto& call = calls_.at(number);
  const bool wants_own = call.tool.session == session_scope::task && !call.request.task_id.is_nil();
  const auto own = call.request.task_id.to_string();
  // Whether there are sessions at all the first one tells.
  if (how_.speaks == mcp::era::unknown)
    with_session({}, [this, number, wants_own, own](const toolbox_failure* failure) {
      if (failure)
        refuse_call(number, *failure);
      else
        enter(number, wants_own && has_sessions_ ? own : std::string{});
    });
  else
    enter(number, wants_own && has_sessions_ ? own : std::string{});
}

void mcp_server_state::enter(std::uint64_t number, const std::string& session_key) {
  auto* call = find_call(number);
  if (!call)
    return;
  call->session = session_key;
  if (!session_key.empty())
    sessions_[session_key].owner = call->asker;
  with_session(session_key, [this, number](const toolbox_failure* failure) {
    if (failure)
      refuse_call(number, *failure);
    else
      send_call(number);
  });
}

void mcp_server_state::refuse_call(std::uint64_t number, const toolbox_failure& failure) {
  auto failed = failed_tool(failure.error);
  if (failure.kind != error_class::permanent)
    failed.retry = failure.kind;
  failed.retry_after = failure.retry_after;
  end_call(number, std::move(failed));
}

void mcp_server_state::send_call(std::uint64_t number) {
  auto* call = find_call(number);
  if (!call)
    return;
  const auto& known = sessions_[{}].list.tools;
  if (how_.is_modern() && !known) {
    // Which arguments go into headers stands in the list.
    with_list({}, true, {call->asker, [this, number](const mcp_tools_result& result) {
                           if (std::holds_alternative<mcp_tools>(result))
                             send_call(number);
                           else
                             refuse_call(number, std::get<toolbox_failure>(result));
                         }});
    return;
  }
  mcp::tool_call_request what{call->remote_name, call->request.call.arguments, call->request.key, call->request_state};
  if (call->tool.repeat == repeat_rule::safe)
    what.key = {};
  if (const auto* listed = how_.is_modern() ? known->find(call->remote_name) : nullptr)
    what.mirrored = mcp::mirrored_headers(listed->mirrored, what.arguments);
  call->id = ++last_id_;
  call->sent = true;
  // The time is kept here, the client's own is for the case that this actor is gone.
  call->exchange
    = send(call->session, mcp::call_tool(how_, call->id, what), {.id = call->id, .timeout = time_left(*call) + 5s},
           [this, number](const exchange& from, const mcp::answer& got) { call_answered(number, from, got); });
}

// -- what comes of it -----------------------------------------------------------------------

void mcp_server_state::call_answered(std::uint64_t number, const exchange& from, const mcp::answer& got) {
  auto* call = find_call(number);
  if (!call)
    return;
  call->exchange = 0;
  if (!call->started_over && must_start_over(from, got)) {
    // The server has not looked at the call.
    call->started_over = true;
    open_for(number);
  } else if (may_resume(*call, got)) {
    resume(number, got);
  } else if (got.refused_with(mcp::codes::header_mismatch) && !std::exchange(call->relisted, true)) {
    with_list({}, true, {call->asker, [this, number](const mcp_tools_result&) { send_call(number); }});
  } else if (got.is_good() && got.answered && !got.refusal()) {
    take_result(number, std::get<std::string>(got.answered->result));
  } else {
    end_call(number, mcp::call_failure(got, call->tool.repeat, clock_()));
  }
}

void mcp_server_state::take_result(std::uint64_t number, const std::string& result) {
  auto& call = calls_.at(number);
  auto read = mcp::read_call(result);
  if (auto* done = std::get_if<tool_result>(&read)) {
    end_call(number, std::move(*done));
    return;
  }
  if (++call.rounds > most_rounds) {
    end_call(number, failed_tool("The MCP server wanted to be asked again more than " + std::to_string(most_rounds)
                                 + " times."));
    return;
  }
  call.request_state = std::move(std::get<mcp::another_round>(read).request_state);
  send_call(number);
}

// -- a stream that broke ----------------------------------------------------------------------

bool mcp_server_state::may_resume(const pending_call& call, const mcp::answer& got) const {
  const auto wait = got.reconnect_after.value_or(resume_after);
  return !how_.is_modern() && got.is_missing() && !(got.last_event_id.empty() && call.last_event_id.empty())
         && call.resumed < most_resumed && wait < time_left(call);
}

void mcp_server_state::resume(std::uint64_t number, const mcp::answer& got) {
  auto& call = calls_.at(number);
  ++call.resumed;
  if (!got.last_event_id.empty())
    call.last_event_id = got.last_event_id;
  after(got.reconnect_after.value_or(resume_after), [this, number] { take_up(number); });
}

void mcp_server_state::take_up(std::uint64_t number) {
  auto* call = find_call(number);
  if (!call)
    return;
  mcp::outgoing get{{}, mcp::stream_headers(how_, call->last_event_id)};
  call->exchange
    = send(call->session, std::move(get), {.method = "GET", .id = call->id, .timeout = time_left(*call) + 5s},
           [this, number](const exchange& from, const mcp::answer& got) {
             auto* waiting = find_call(number);
             if (!waiting)
               return;
             // A server that does not know the event, or the session, any more says nothing about the call.
             if (got.answered && got.is_good()) {
               call_answered(number, from, got);
             } else if (waiting->exchange = 0; may_resume(*waiting, got)) {
               resume(number, got);
             } else {
               mcp::answer nothing;
               nothing.failure
                 = {outbound_errc::cut_off,
                    "The MCP server ended its answer before it had answered, and could not take it up.", true};
               end_call(number, mcp::call_failure(nothing, waiting->tool.repeat, clock_()));
             }
           });
}

// -- ends -------------------------------------------------------------------------------------

void mcp_server_state::overdue(std::uint64_t number) {
  auto& call = calls_.at(number);
  call.timer = 0;
  const auto limit = std::to_string(call.tool.timeout.count());
  const outbound_failure failure{outbound_errc::timed_out,
                                 call.sent
                                   ? "The MCP server did not answer within " + limit + " s."
                                   : "The call could not be made within " + limit + " s: the MCP server is busy.",
                                 call.sent};
  give_up(number, "It took too long.", read_tool_failure(failure, call.tool.repeat));
}

void mcp_server_state::give_up(std::uint64_t number, std::string_view reason, tool_result result) {
  auto& call = calls_.at(number);
  cancel(call.exchange);
  const auto found = sessions_.find(call.session);
  if (call.sent && how_.speaks == mcp::era::legacy && found != sessions_.end()
      && found->second.phase == session_phase::open)
    tell(call.session, mcp::cancelled(how_, call.id, reason));
  end_call(number, std::move(result));
}

void mcp_server_state::end_call(std::uint64_t number, tool_result result) {
  const auto found = calls_.find(number);
  if (found == calls_.end())
    return;
  auto ended = std::move(found->second);
  calls_.erase(found);
  forget_timer(ended.timer);
  if (ended.running)
    --running_calls_;
  logging::debug("tool call", [&](auto& line) {
    line.add("tool", ended.request.call.tool).add("type", "mcp").add("host", logging::host_of(url_));
    line.add("status", result.status).add("failed", result.failed);
    const auto began = ended.deadline - ended.tool.timeout;
    line.add("took_ms", std::chrono::duration_cast<std::chrono::microseconds>(now() - began));
    line.add("task", ended.request.task_id);
  });
  ended.promise.deliver(std::move(result));
  start_calls();
}

} // namespace troupe
