#include "actors/task_supervisor.hpp"

#include "actors/restart_policy.hpp"
#include "actors/timeouts.hpp"
#include "actors/turn.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string_view>

namespace troupe {

namespace {

/// Bounds a claim's transaction; what is left is claimed by the next one.
constexpr int max_claim = 250;

/// Why tasks go back to the queue.
constexpr std::string_view shutting_down = "The node is shutting down.";

/// What an exit reason says of the attempt.
attempt_failure failure_of(const caf::error& reason) {
  if (reason == errc::attempt_failed && reason.context().match_elements<attempt_failure>())
    return reason.context().get_as<attempt_failure>(0);
  attempt_failure crash;
  crash.error = "The task's actor crashed: " + sentence_of(reason);
  return crash;
}

/// The store said no, so nothing has changed; any other error leaves that open.
bool is_refusal(const caf::error& reason) {
  return reason.category() == caf::atom("troupe");
}

/// Worth asking again.
bool is_passing(const caf::error& reason) {
  return !is_refusal(reason) || reason == errc::unavailable;
}

} // namespace

void task_supervisor_state::start(services_ptr peers, metrics_ptr measured, supervisor_config config) {
  metrics_ = std::move(measured);
  config_ = std::move(config);
  context_ = std::make_shared<task_context>(task_context{std::move(peers), config_.clock, metrics_, make_uuid()});
  recover();
}

void task_supervisor_state::relink(services_ptr peers) {
  // A new context rather than a changed one: running task actors keep the handles they know.
  context_ = std::make_shared<task_context>(*context_);
  context_->peers = std::move(peers);
  // Whatever a dead writer was asked for may not have happened; what it was to settle is settled at the next tick.
  backlog_ = true;
  claim();
}

// -- claiming -----------------------------------------------------------------

void task_supervisor_state::recover() {
  self_->request(context_->peers->writer, timeouts::store_write, recover_tasks{config_.max_recoveries, config_.clock()})
    .then(
      [this](const recovered_tasks& found) {
        if (found.requeued + found.failed > 0)
          spdlog::info("recovered {} tasks, failed {} that were recovered too often", found.requeued, found.failed);
        recovered_ = true;
        claim();
      },
      [this](const caf::error& reason) {
        spdlog::error("tasks are not recovered yet: {}", sentence_of(reason));
        settle_later();
      });
}

void task_supervisor_state::claim() {
  const auto room_left = config_.capacity - static_cast<int>(running_.size());
  if (!recovered_ || claiming_ || draining_ || room_left <= 0) {
    backlog_ = true;
    return;
  }
  claiming_ = true;
  backlog_ = false;
  const auto limit = std::min(room_left, max_claim);
  self_
    ->request(context_->peers->writer, timeouts::store_write,
              claim_tasks{context_->owner, config_.node, limit, config_.clock()})
    .then(
      [this, limit](claimed_tasks& claimed) {
        if (draining_) {
          give_back(claimed);
          return;
        }
        // Until all of them are counted, nothing more is claimed.
        for (auto& task : claimed.tasks)
          spawn_task(task);
        claiming_ = false;
        if (claimed.next_due && context_->peers->scheduler)
          self_->send(context_->peers->scheduler, task_scheduled{*claimed.next_due});
        if (backlog_ || static_cast<int>(claimed.tasks.size()) == limit)
          claim();
      },
      [this](caf::error& reason) {
        spdlog::error("tasks could not be claimed: {}", sentence_of(reason));
        if (!is_refusal(reason)) {
          // The claim may be on disk, and nobody knows which tasks it holds: a new supervisor will recover them.
          self_->quit(std::move(reason));
          return;
        }
        claiming_ = false;
        backlog_ = true;
        settle_later();
      });
}

void task_supervisor_state::give_back(const claimed_tasks& claimed) {
  const auto go_on = [this] {
    claiming_ = false;
    drained_if_empty();
  };
  release_tasks unwanted{{}, std::string{shutting_down}, config_.clock()};
  for (const auto& task : claimed.tasks)
    unwanted.fences.push_back({task.id, task.attempt, context_->owner});
  self_->request(context_->peers->writer, timeouts::store_write, std::move(unwanted))
    .then([go_on](const done&) { go_on(); },
          // The next start finds them, as it would after a kill.
          [go_on](const caf::error&) { go_on(); });
}

void task_supervisor_state::spawn_task(claimed_task& claim) {
  const auto id = claim.id;
  running_task entry;
  entry.bot = claim.bot;
  entry.attempt = claim.attempt;
  entry.charged = claim.charged;
  entry.throttled = claim.throttled;
  entry.started = self_->clock().now();
  entry.actor = self_->spawn<caf::monitored>(task, std::move(claim), std::shared_ptr<const task_context>{context_});
  // An attempt before this one may not have been settled: its fence is stale now, and so is its entry.
  forget(id);
  by_actor_.emplace(entry.actor.id(), id);
  running_.emplace(id, std::move(entry));
  metrics_->running_changed(+1);
}

// -- ends of attempts ---------------------------------------------------------

void task_supervisor_state::attempt_ended(const caf::down_msg& down) {
  const auto found = by_actor_.find(down.source.id());
  if (found == by_actor_.end())
    return;
  const auto id = found->second;
  auto& entry = running_.at(id);
  metrics_->task_executed(self_->clock().now() - entry.started);
  if (!down.reason || down.reason == caf::exit_reason::normal) {
    forget(id);
    return;
  }
  auto failure = failure_of(down.reason);
  metrics_->attempt_failed(failure.kind);
  entry.settling = decide(id, entry, std::move(failure));
  by_actor_.erase(found);
  entry.actor = nullptr;
  settle(id);
}

fail_attempt task_supervisor_state::decide(const uuid& id, const running_task& entry, attempt_failure failure) {
  fail_attempt end;
  end.fence = {id, entry.attempt, context_->owner};
  end.kind = failure.kind;
  end.error = std::move(failure.error);
  end.usage = failure.usage;
  end.chat_started = failure.chat_started;
  end.events = std::move(failure.events);
  end.at = config_.clock();
  const auto decision = decide_restart(entry.bot ? entry.bot->restart : restart_policy{}, end.kind,
                                       {entry.charged, entry.throttled}, failure.retry_after, config_.random());
  end.charge = decision.charge;
  if (decision.restart)
    end.retry_at = end.at + decision.delay;
  return end;
}

void task_supervisor_state::settle(const uuid& id) {
  const auto attempt = running_.at(id).attempt;
  self_->request(context_->peers->writer, timeouts::store_write, *running_.at(id).settling)
    .then(
      [this, id, attempt](const done&) {
        if (const auto found = running_.find(id); found != running_.end() && found->second.attempt == attempt)
          forget(id);
      },
      [this, id, attempt](const caf::error& reason) {
        const auto found = running_.find(id);
        if (found == running_.end() || found->second.attempt != attempt)
          return;
        // A stale fence says that somebody else has decided already (a cancel, say). Anything else is worth another
        // try: until it is stored the task stands as RUNNING.
        if (is_passing(reason))
          settle_later();
        else
          forget(id);
      });
}

void task_supervisor_state::settle_later() {
  if (!std::exchange(settle_tick_sent_, true))
    self_->delayed_send(self_, timeouts::settle_again, retry_settling{});
}

void task_supervisor_state::settle_all() {
  settle_tick_sent_ = false;
  if (!recovered_) {
    recover();
    return;
  }
  std::vector<uuid> unsettled;
  for (const auto& [id, entry] : running_)
    if (entry.settling)
      unsettled.push_back(id);
  for (const auto& id : unsettled)
    settle(id);
  claim();
}

void task_supervisor_state::forget(const uuid& id) {
  const auto found = running_.find(id);
  if (found == running_.end())
    return;
  if (found->second.actor)
    by_actor_.erase(found->second.actor.id());
  running_.erase(found);
  metrics_->running_changed(-1);
  drained_if_empty();
  if (backlog_)
    claim();
}

// -- asked from outside -------------------------------------------------------

caf::typed_response_promise<task_result> task_supervisor_state::cancel(cancel_task& request) {
  const auto found = running_.find(request.id);
  if (found == running_.end() || !found->second.actor)
    return end_task(request);
  // The actor first, for what it has streamed; the store decides all the same.
  auto promise = self_->make_response_promise<task_result>();
  const auto actor = found->second.actor;
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
  self_->request(context_->peers->writer, timeouts::store_write, std::move(request))
    .then(
      [this, promise, id](task_result& result) mutable {
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

template <class Operation>
caf::typed_response_promise<typename Operation::result_type> task_supervisor_state::end_task(Operation& request) {
  using result_type = typename Operation::result_type;
  auto promise = self_->make_response_promise<result_type>();
  const auto id = request.id;
  self_->request(context_->peers->writer, timeouts::store_write, std::move(request))
    .then(
      [this, promise, id](result_type& result) mutable {
        stop_actor(id);
        promise.deliver(std::move(result));
      },
      [promise](caf::error& reason) mutable { promise.deliver(std::move(reason)); });
  return promise;
}

void task_supervisor_state::stop_actor(const uuid& id) {
  const auto found = running_.find(id);
  if (found == running_.end())
    return;
  if (const auto actor = found->second.actor)
    caf::anon_send(actor, stop_task{});
  forget(id);
}

turn_actor task_supervisor_state::new_turn() {
  return self_->spawn(turn, context_->peers, config_.clock);
}

caf::typed_response_promise<drained> task_supervisor_state::drain_within(std::chrono::milliseconds grace) {
  auto promise = self_->make_response_promise<drained>();
  draining_ = true;
  drain_promises_.push_back(promise);
  self_->delayed_send(self_, grace, drain_expired{});
  drained_if_empty();
  return promise;
}

void task_supervisor_state::drained_if_empty() {
  if (!draining_ || claiming_ || !running_.empty())
    return;
  for (auto& promise : std::exchange(drain_promises_, {}))
    promise.deliver(drained{});
}

void task_supervisor_state::release_rest() {
  if (drain_promises_.empty())
    return;
  release_tasks rest{{}, std::string{shutting_down}, config_.clock()};
  for (const auto& [id, entry] : running_)
    rest.fences.push_back({id, entry.attempt, context_->owner});
  const auto count = static_cast<int>(rest.fences.size());
  stop_all();
  self_->request(context_->peers->writer, timeouts::store_write, std::move(rest))
    .then(
      [this, count](const done&) {
        for (auto& promise : std::exchange(drain_promises_, {}))
          promise.deliver(drained{count});
      },
      [this](const caf::error& reason) {
        // The next start finds them, as it would after a kill.
        for (auto& promise : std::exchange(drain_promises_, {}))
          promise.deliver(reason);
      });
}

void task_supervisor_state::stop_all() {
  for (const auto& [id, entry] : running_) {
    if (entry.actor)
      caf::anon_send(entry.actor, stop_task{});
    metrics_->running_changed(-1);
  }
  running_.clear();
  by_actor_.clear();
}

node_load task_supervisor_state::load() const {
  return {static_cast<int>(running_.size()), config_.capacity, draining_};
}

task_supervisor_actor::behavior_type task_supervisor(
  task_supervisor_actor::stateful_pointer<task_supervisor_state> self, services_ptr peers, metrics_ptr measured,
  supervisor_config config) {
  self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
  self->set_down_handler([self](const caf::down_msg& down) { self->state.attempt_ended(down); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.stop_all();
    self->quit(exit.reason);
  });
  self->state.start(std::move(peers), std::move(measured), std::move(config));
  return {
    [self](const work_arrived&) { self->state.claim(); },
    [self](const retry_settling&) { self->state.settle_all(); },
    [self](cancel_task& request) { return self->state.cancel(request); },
    [self](set_task_status& request) { return self->state.end_task(request); },
    [self](delete_task& request) { return self->state.end_task(request); },
    [self](start_turn& request) { return self->delegate(self->state.new_turn(), std::move(request)); },
    [self](cancel_turn& request) { return self->delegate(self->state.new_turn(), std::move(request)); },
    [self](const drain& request) { return self->state.drain_within(request.grace); },
    [self](const drain_expired&) { self->state.release_rest(); },
    [self](const get_load&) { return self->state.load(); },
    [self](const services_changed& changed) { self->state.relink(changed.now); },
  };
}

} // namespace troupe
