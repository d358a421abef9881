#pragma once

#include "gateway/live/request_context.hpp"
#include "persistence/operations.hpp"
#include "persistence/store.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_map>

namespace troupe {

class gateway_state;

/// Requests that wait for their task to end. A wait joins the room of the task's
/// thread before the task is put into the queue, so that the end cannot slip
/// through between the two.
class execution_waits {
public:
  explicit execution_waits(gateway_state& gateway) : gateway_{gateway} {}

  /// Executes `task` and answers `context` with the finished task; with `patience`
  /// it answers 202 with the running one once that is over. A client that hangs up
  /// is forgotten, and the task goes on.
  void execute(const context_ptr& context, const uuid& thread_id, enqueue_task command,
               std::optional<std::chrono::seconds> patience);

  /// A run of a task has ended.
  void on_end(const uuid& task_id);
  void on_patience_over(std::uint64_t number);
  void on_client_gone(std::uint64_t number) { remove(number); }
  /// Ends may have been missed: look at every task.
  void check_all();

private:
  struct wait {
    context_ptr context;
    uuid task_id;
    room joined;
    /// The task is in the queue; before that its end would be an earlier run's.
    bool started = false;
  };

  void start(std::uint64_t number, enqueue_task command, std::optional<std::chrono::seconds> patience);
  /// Answers if the task has ended.
  void look(std::uint64_t number);
  void answer(std::uint64_t number, const task_record& task);
  void refuse(std::uint64_t number, const store_error& reason);
  void remove(std::uint64_t number);

  gateway_state& gateway_;
  std::unordered_map<std::uint64_t, wait> waits_;
  std::unordered_multimap<uuid, std::uint64_t> by_task_;
  std::uint64_t last_number_ = 0;
};

/// Answers a request whose task was not put into the queue: one that is finished already is shown.
void refuse_to_execute(const context_ptr& context, const uuid& task_id, const store_error& reason);

} // namespace troupe
