#include "actors/models/local_call.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

local_call_actor::behavior_type local_call(local_call_actor::pointer self, model_actor model, model_gate_actor gate,
                                           std::uint64_t number, chat_request request) {
  self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
  const stop_chat stop{request.model, request.id};
  self->monitor(request.listener);
  self->set_down_handler([self, model, stop](const caf::down_msg&) { self->send(model, stop); });
  const auto end = [self, gate, number](chat_result result) {
    self->send(gate, call_ended{number, std::move(result), std::nullopt});
    self->quit();
  };
  const auto patience = std::max(request.time_left, std::chrono::milliseconds{1});
  self->request(model, patience, std::move(request))
    .then([end](chat_result& result) { end(std::move(result)); },
          [self, end, model, stop](const caf::error& reason) {
            self->send(model, stop);
            chat_failure failure;
            auto [text, own_words] = cite("The model did not answer", reason);
            failure.error = std::move(text);
            failure.own_words = own_words;
            end(std::move(failure));
          });
  return {
    [self, model](const stop_chat& wanted) { self->send(model, wanted); },
  };
}

} // namespace troupe
