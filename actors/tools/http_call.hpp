#pragma once

#include "actors/clock.hpp"
#include "actors/interfaces.hpp"
#include "actors/remote/outbound.hpp"
#include "actors/toolbox/http_tool.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

/// One call of an HTTP tool: spawned by the tools service for one `call_tool`, which it
/// answers, and quits. It watches the task that asks: when that ends first, the connection
/// is closed. Whatever goes wrong is a result that says so.
namespace troupe {

class http_call_state {
public:
  static inline const char* name = "http_call";

  explicit http_call_state(http_call_actor::pointer self) : self_{self} {}

  void start(std::shared_ptr<outbound_client> outbound, clock_function clock);

  caf::typed_response_promise<tool_result> call(const call_tool& request);
  void finish(const answer_ended& end);
  void fail(const outbound_failure& failure);
  void close();

private:
  void answer(tool_result result);

  http_call_actor::pointer self_;
  std::shared_ptr<outbound_client> outbound_;
  clock_function clock_;
  repeat_rule rule_ = repeat_rule::with_key;
  caf::typed_response_promise<tool_result> promise_;
  std::uint64_t call_ = 0;
  /// For the log.
  std::string host_;
  std::string tool_;
  uuid task_id_;
  std::chrono::steady_clock::time_point began_{};
};

http_call_actor::behavior_type http_call(http_call_actor::stateful_pointer<http_call_state> self,
                                         std::shared_ptr<outbound_client> outbound, clock_function clock);

} // namespace troupe
