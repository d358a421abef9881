#pragma once

#include "actors/clock.hpp"
#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

/// A turn actor starts or cancels one turn of a thread for somebody who chats:
/// it looks up what the thread is busy with, applies the bot's `on_busy` rule, has
/// the supervisor cancel and the writer create, answers, and quits. Spawned by the
/// task supervisor, for one message each.
namespace troupe {

class turn_state {
public:
  static inline const char* name = "turn";

  explicit turn_state(turn_actor::pointer self) : self_{self} {}

  void start(services_ptr peers, clock_function clock);

  caf::typed_response_promise<task_result> begin(const start_turn& request);
  caf::typed_response_promise<task_result> cancel(const cancel_turn& request);

private:
  using promise = caf::typed_response_promise<task_result>;
  using task_ids = std::vector<uuid>;

  void find_task(const uuid& id, std::function<void(task_record&)> then);
  /// The rule of the bot in its namespace, else in `default`.
  void find_rule(const std::string& ns, const std::string& bot, std::function<void(on_busy_rule)> then);
  /// The thread's running and queued tasks, running ones first, then oldest first.
  void find_busy(const task_record& sibling, std::function<void(task_ids&)> then);
  /// Adds what keeps the thread busy to `found`, page by page, newest first.
  void collect(get_tasks question, task_ids found, std::function<void(task_ids&)> then);
  void interrupt(task_ids busy, std::function<void()> then);
  void create(const task_record& sibling, const start_turn& request);
  void answer(task_result& result);
  void fail(caf::error reason);

  turn_actor::pointer self_;
  services_ptr peers_;
  clock_function clock_;
  promise promise_;
};

turn_actor::behavior_type turn(turn_actor::stateful_pointer<turn_state> self, services_ptr peers, clock_function clock);

} // namespace troupe
