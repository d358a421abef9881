#include "actors/store/store_answers.hpp"
#include "actors/tasks/ending.hpp"
#include "actors/tasks/task_supervisor.hpp"
#include "actors/tasks/turn.hpp"
#include "actors/timeouts.hpp"
#include "persistence/logging/log.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <utility>

/// What is asked from outside: ending tasks, draining.
namespace troupe {

namespace {

/// A task was ended, or moved, from outside.
void log_end(const task_result& result) {
  const auto& task = result.task;
  // Whoever reads which tasks have failed reads of these too, and that nothing went wrong here.
  const bool failed = task.status == task_status::failed && !result.replayed;
  logging::line(failed ? logging::level::info : logging::level::debug,
                failed ? "task failed" : "task moved from outside", [&](auto& line) {
                  line.add("task", task.id).add("status", to_string(task.status)).add("thread", task.thread_id);
                  line.add("namespace", task.ns);
                  if (failed)
                    line.add("error", "It was set to FAILED from outside.");
                });
}

} // namespace

// -- ending tasks ---------------------------------------------------------------

bool task_supervisor_state::may_run_elsewhere(const uuid& id) const {
  return context_->peers->cluster && !running_.contains(id);
}

caf::result<task_result> task_supervisor_state::cancel(cancel_task& request) {
  const auto found = running_.find(request.id);
  if (found == running_.end() || !found->second.actor)
    return end_task(request);
  // The actor first, for what it has streamed; the store decides all the same.
  auto promise = self_->make_response_promise<task_result>();
  const auto actor = found->second.actor;
  found->second.stopping = true;
  self_->request(actor, timeouts::stop_task, stop_task{})
    .then(
      [this, promise, request, entry = found->second](stopped_task& last) mutable {
        request.partial_output = std::move(last.partial_output);
        request.events = std::move(last.events);
        request.usage = last.usage;
        store_cancel(std::move(request), std::move(entry), promise);
      },
      [this, promise, request, entry = found->second](const caf::error&) mutable {
        store_cancel(std::move(request), std::move(entry), promise);
      });
  return promise;
}

void task_supervisor_state::store_cancel(cancel_task request, running_task stopped,
                                         caf::typed_response_promise<task_result> promise) {
  const auto id = request.id;
  self_->request(context_->peers->writer, timeouts::execution_write, std::move(request))
    .then(
      [this, promise, id](task_result& result) mutable {
        log_end(result);
        stop_actor(id);
        promise.deliver(std::move(result));
      },
      [this, promise, id, stopped](caf::error& reason) mutable {
        if (is_passing(reason)) {
          // Its actor is gone and its end not stored: as far as the store knows it runs, so it has to be run again.
          attempt_failure interrupted;
          interrupted.error = "The attempt was stopped for a cancel that could not be stored.";
          stopped.settling = decide(id, stopped, std::move(interrupted));
          stopped.actor = nullptr;
          if (running_.insert_or_assign(id, std::move(stopped)).second)
            metrics_->running_changed(+1);
          settle_later();
        }
        promise.deliver(std::move(reason));
      });
}

caf::result<task_result> task_supervisor_state::set_status(set_task_status& request) {
  return end_task(request);
}

caf::result<done> task_supervisor_state::remove(delete_task& request) {
  return end_task(request);
}

template <class Operation>
caf::result<typename Operation::result_type> task_supervisor_state::end_task(Operation& request) {
  using result_type = typename Operation::result_type;
  if (may_run_elsewhere(request.id))
    return self_->delegate(self_->spawn(ending, context_->peers), std::move(request));
  auto promise = self_->make_response_promise<result_type>();
  const auto id = request.id;
  self_->request(context_->peers->writer, timeouts::execution_write, std::move(request))
    .then(
      [this, promise, id](result_type& result) mutable {
        if constexpr (std::same_as<result_type, task_result>)
          log_end(result);
        else
          logging::debug("task deleted", [&](auto& line) { line.add("task", id); });
        stop_actor(id);
        promise.deliver(std::move(result));
      },
      [promise](caf::error& reason) mutable { promise.deliver(std::move(reason)); });
  return promise;
}

caf::typed_response_promise<ending_done> task_supervisor_state::end_if_running(const end_running& request) {
  auto promise = self_->make_response_promise<ending_done>();
  std::visit(
    [this, &promise]<class Operation>(const Operation& how) {
      const auto found = running_.find(how.id);
      if (found == running_.end() || !found->second.actor) {
        promise.deliver(ending_done{false});
        return;
      }
      // By way of the mailbox, as if it had been asked here.
      self_->request(task_supervisor_actor{self_}, timeouts::execution_write, how)
        .then([promise](const typename Operation::result_type&) mutable { promise.deliver(ending_done{true}); },
              [promise](caf::error& reason) mutable { promise.deliver(std::move(reason)); });
    },
    request.how);
  return promise;
}

void task_supervisor_state::stop_actor(const uuid& id) {
  const auto found = running_.find(id);
  if (found == running_.end())
    return;
  if (const auto actor = found->second.actor) {
    log_attempt_end(id, found->second, "stopped");
    caf::anon_send(actor, stop_task{});
  }
  forget(id);
}

turn_actor task_supervisor_state::new_turn() {
  return self_->spawn(turn, context_->peers, config_.clock);
}

// -- the end of the node ----------------------------------------------------------

caf::typed_response_promise<drained> task_supervisor_state::drain_within(std::chrono::milliseconds grace) {
  auto promise = self_->make_response_promise<drained>();
  drain_promises_.push_back(promise);
  self_->delayed_send(self_, grace, drain_expired{});
  gate_.shut();
  carry_out(drain_.asked(is_empty()));
  return promise;
}

void task_supervisor_state::end_drain() {
  carry_out(drain_.expired());
}

void task_supervisor_state::carry_out(drain_step step, int released) {
  switch (step) {
  case drain_step::nothing: return;
  case drain_step::hand_back: hand_back(); return;
  case drain_step::leave: leave(released); return;
  case drain_step::answer: answer_drain(drained{released}); return;
  }
}

void task_supervisor_state::hand_back() {
  release_tasks rest{{}, std::string{shutting_down}, config_.clock()};
  for (const auto& [id, entry] : running_)
    rest.fences.push_back({id, entry.attempt, context_->owner});
  const auto count = static_cast<int>(rest.fences.size());
  stop_all();
  self_->request(context_->peers->writer, timeouts::store_write, std::move(rest))
    .then([this, count](const done&) { carry_out(drain_.handed_back(), count); },
          [this](const caf::error& reason) {
            // The next start finds them, as it would after a kill.
            drain_.not_handed_back();
            answer_drain(reason);
          });
}

void task_supervisor_state::leave(int released) {
  const auto go_on = [this, released] { carry_out(drain_.left(), released); };
  if (!lease_.give_up()) {
    go_on();
    return;
  }
  self_->request(context_->peers->writer, timeouts::store_write, end_lease{context_->owner})
    .then([go_on](const done&) { go_on(); }, [go_on](const caf::error&) { go_on(); });
}

template <class Answer>
void task_supervisor_state::answer_drain(const Answer& answer) {
  for (auto& promise : std::exchange(drain_promises_, {}))
    promise.deliver(answer);
}

void task_supervisor_state::end_all(const caf::error& reason) {
  stop_all();
  answer_drain(reason ? reason : caf::make_error(caf::exit_reason::user_shutdown));
}

void task_supervisor_state::stop_all() {
  for (const auto& [id, entry] : running_) {
    if (entry.actor) {
      log_attempt_end(id, entry, "stopped");
      caf::anon_send(entry.actor, stop_task{});
    }
    metrics_->running_changed(-1);
  }
  running_.clear();
  by_actor_.clear();
}

node_load task_supervisor_state::load() const {
  return {running(), gate_.capacity(), drain_.has_begun(), lease_.is_held() ? context_->owner : uuid{}};
}

} // namespace troupe
