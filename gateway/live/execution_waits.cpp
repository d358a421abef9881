#include "gateway/live/execution_waits.hpp"

#include "gateway/live/asking.hpp"
#include "gateway/live/gateway_actor.hpp"
#include "gateway/live/lane.hpp"
#include "gateway/rendering/records.hpp"

#include <caf/send.hpp>

#include <vector>

namespace troupe {

void execution_waits::execute(const context_ptr& context, const uuid& thread_id, enqueue_task command,
                              std::optional<std::chrono::seconds> patience) {
  const auto number = ++last_number_;
  const room thread{room::kind::task, thread_id, {}};
  waits_.emplace(number, wait{context, command.id, thread, false});
  by_task_.emplace(command.id, number);
  gateway_.post([door = context->door(), number, self = gateway_actor{gateway_.self()}](lane&) {
    door->on_disconnect([self, number] { caf::anon_send(self, client_gone{number}); });
  });
  gateway_.join(thread, [this, number, command = std::move(command), patience]() mutable {
    start(number, std::move(command), patience);
  });
}

void execution_waits::start(std::uint64_t number, enqueue_task command, std::optional<std::chrono::seconds> patience) {
  gateway_.ask(
    gateway_.peers().writer, std::move(command),
    [this, number, patience](const task_result&) {
      const auto found = waits_.find(number);
      if (found == waits_.end())
        return;
      found->second.started = true;
      if (patience)
        gateway_.self()->delayed_send(gateway_.self(), *patience, wait_expired{number});
      // It may have ended while the answer was on its way, or long ago if the request is a repeated one.
      look(number);
    },
    [this, number](const store_error& reason) {
      const auto found = waits_.find(number);
      if (found == waits_.end())
        return;
      const auto context = found->second.context;
      const auto task_id = found->second.task_id;
      remove(number);
      refuse_to_execute(context, task_id, reason);
    });
}

void execution_waits::on_end(const uuid& task_id) {
  std::vector<std::uint64_t> numbers;
  const auto [first, last] = by_task_.equal_range(task_id);
  for (auto at = first; at != last; ++at)
    numbers.push_back(at->second);
  for (const auto number : numbers)
    if (waits_.at(number).started)
      look(number);
}

void execution_waits::check_all() {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, one] : waits_)
    if (one.started)
      numbers.push_back(number);
  for (const auto number : numbers)
    look(number);
}

void execution_waits::look(std::uint64_t number) {
  gateway_.look_up(
    get_task{waits_.at(number).task_id},
    [this, number](const task_record& task) {
      if (is_terminal(task.status))
        answer(number, task);
    },
    [this, number](const store_error& reason) { refuse(number, reason); });
}

void execution_waits::on_patience_over(std::uint64_t number) {
  const auto found = waits_.find(number);
  if (found == waits_.end())
    return;
  gateway_.look_up(
    get_task{found->second.task_id}, [this, number](const task_record& task) { answer(number, task); },
    [this, number](const store_error& reason) { refuse(number, reason); });
}

void execution_waits::refuse(std::uint64_t number, const store_error& reason) {
  const auto found = waits_.find(number);
  if (found == waits_.end())
    return;
  const auto context = found->second.context;
  remove(number);
  context->refuse(reason);
}

void execution_waits::answer(std::uint64_t number, const task_record& task) {
  const auto found = waits_.find(number);
  if (found == waits_.end())
    return;
  const auto context = found->second.context;
  remove(number);
  switch (task.status) {
  case task_status::pending:
  case task_status::running:
    context->respond({202, "application/json", render_task(task), {{"Preference-Applied", "wait"}}});
    return;
  case task_status::completed: context->respond_json(200, render_task(task)); return;
  case task_status::failed:
  case task_status::cancelled: break;
  }
  context->refuse(task_ended_badly(task, render_task(task)));
}

void execution_waits::remove(std::uint64_t number) {
  const auto found = waits_.find(number);
  if (found == waits_.end())
    return;
  const auto [first, last] = by_task_.equal_range(found->second.task_id);
  for (auto at = first; at != last; ++at) {
    if (at->second == number) {
      by_task_.erase(at);
      break;
    }
  }
  gateway_.leave(found->second.joined);
  waits_.erase(found);
}

void refuse_to_execute(const context_ptr& context, const uuid& task_id, const store_error& reason) {
  if (reason.code != errc::illegal_transition)
    return context->refuse(reason);
  look_up_for(context, get_task{task_id}, [context](const task_record& task) {
    context->refuse(task_is_finished(task.status, render_task(task)));
  });
}

} // namespace troupe
