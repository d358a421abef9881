#include "actors/tools/http_call.hpp"

#include "actors/answer_relay.hpp"
#include "persistence/logging/log.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>

#include <utility>
#include <variant>

namespace troupe {

void http_call_state::start(std::shared_ptr<outbound_client> outbound, clock_function clock) {
  outbound_ = std::move(outbound);
  clock_ = std::move(clock);
}

caf::typed_response_promise<tool_result> http_call_state::call(const call_tool& request) {
  // The promise takes the sender with it.
  if (const auto asker = caf::actor_cast<caf::actor>(self_->current_sender()))
    self_->monitor(asker);
  promise_ = self_->make_response_promise<tool_result>();
  const auto& tool = request.tools->find(request.call.tool)->tool;
  rule_ = tool.repeat;
  if (logging::is_on(logging::level::debug)) {
    host_ = logging::host_of(tool.url);
    tool_ = request.call.tool;
    task_id_ = request.task_id;
    began_ = self_->clock().now();
  }
  auto made = make_tool_request(tool, request.call.arguments, request.key);
  if (auto* refused = std::get_if<tool_result>(&made))
    answer(std::move(*refused));
  else
    call_ = outbound_->start(std::move(std::get<outbound_request>(made)),
                             std::make_shared<answer_relay<http_call_actor, false>>(http_call_actor{self_}));
  return promise_;
}

void http_call_state::finish(const answer_ended& end) {
  call_ = 0;
  answer(read_tool_response(end.head, end.body, clock_()));
}

void http_call_state::fail(const outbound_failure& failure) {
  call_ = 0;
  answer(read_tool_failure(failure, rule_));
}

void http_call_state::answer(tool_result result) {
  logging::debug("tool call", [&](auto& line) {
    line.add("tool", tool_).add("type", "http").add("host", host_).add("status", result.status);
    line.add("failed", result.failed);
    line.add("took_ms", std::chrono::duration_cast<std::chrono::microseconds>(self_->clock().now() - began_));
    line.add("task", task_id_);
  });
  promise_.deliver(std::move(result));
  self_->quit();
}

void http_call_state::close() {
  if (const auto open = std::exchange(call_, 0); open != 0)
    outbound_->cancel(open);
  if (promise_.pending())
    promise_.deliver(failed_tool("The call was given up."));
}

http_call_actor::behavior_type http_call(http_call_actor::stateful_pointer<http_call_state> self,
                                         std::shared_ptr<outbound_client> outbound, clock_function clock) {
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    self->state.close();
    return to_error(thrown);
  });
  self->set_down_handler([self](const caf::down_msg&) {
    self->state.close();
    self->quit();
  });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.close();
    self->quit(exit.reason);
  });
  self->state.start(std::move(outbound), std::move(clock));
  return {
    [self](const call_tool& request) { return self->state.call(request); },
    [self](const answer_ended& end) { self->state.finish(end); },
    [self](const answer_failed& failed) { self->state.fail(failed.failure); },
  };
}

} // namespace troupe
