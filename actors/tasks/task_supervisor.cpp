#include "actors/tasks/task_supervisor.hpp"

#include "actors/store/store_answers.hpp"
#include "actors/tasks/attempt_end.hpp"
#include "actors/tasks/rules/restart_policy.hpp"
#include "actors/timeouts.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/values/overloaded.hpp"

#include <caf/stateful_actor.hpp>

#include <utility>

/// Who it is, and the ends of attempts.
namespace troupe {

void task_supervisor_state::start(services_ptr peers, metrics_ptr measured, supervisor_config config) {
  metrics_ = std::move(measured);
  config_ = std::move(config);
  context_ = std::make_shared<task_context>(task_context{std::move(peers), config_.clock, metrics_, make_uuid()});
  gate_ = claim_gate{config_.claims ? config_.capacity : 0};
  if (config_.claims)
    carry_out(lease_.started());
}

void task_supervisor_state::relink(services_ptr peers) {
  // A new context rather than a changed one: running task actors keep the handles they know.
  context_ = std::make_shared<task_context>(*context_);
  context_->peers = std::move(peers);
  // Whatever a dead writer was asked for may not have happened; what it was to settle is settled at the next tick.
  claim(gate_.work_came(running()));
}

// -- ends of attempts ---------------------------------------------------------

void task_supervisor_state::attempt_ended(const caf::down_msg& down) {
  const auto found = by_actor_.find(down.source.id());
  if (found == by_actor_.end())
    return;
  const auto id = found->second;
  const auto& entry = running_.at(id);
  metrics_->task_executed(self_->clock().now() - entry.started);
  by_actor_.erase(found);
  auto end = attempt_end_of(down.reason, entry.stopping);
  log_attempt_end(id, entry, outcome_of(end));
  std::visit(overloaded{
               [&](const attempt_done&) { forget(id); },
               [&](const attempt_stopped&) { forget(id); },
               [&](attempt_failure& failure) { follow(id, std::move(failure)); },
               [&](attempt_crash& crash) { follow(id, failure_of(std::move(crash))); },
             },
             end);
}

void task_supervisor_state::follow(const uuid& id, attempt_failure failure) {
  auto& entry = running_.at(id);
  entry.own_words = failure.own_words;
  metrics_->attempt_failed(failure.kind);
  entry.settling = decide(id, entry, std::move(failure));
  entry.actor = nullptr;
  settle(id);
}

fail_attempt task_supervisor_state::decide(const uuid& id, const running_task& entry, attempt_failure failure) {
  fail_attempt end;
  end.fence = {id, entry.attempt, context_->owner};
  end.kind = failure.kind;
  end.error = std::move(failure.error);
  end.usage = failure.usage;
  end.model = std::move(failure.model);
  end.counted = !failure.no_room;
  end.chat_started = failure.chat_started;
  end.events = std::move(failure.events);
  end.finish = failure.finish;
  end.at = config_.clock();
  // That can come no more often than its timeout lets it, and is over when this is stored.
  const auto decision = failure.store_away ? restart_decision{true, timeouts::settle_again, false}
                                           : decide_restart(entry.bot ? entry.bot->restart : restart_policy{}, end.kind,
                                                            {entry.charged, failure.no_room ? 0 : entry.throttled},
                                                            failure.retry_after, config_.random());
  end.charge = decision.charge;
  if (decision.restart)
    end.retry_at = end.at + decision.delay;
  return end;
}

void task_supervisor_state::settle(const uuid& id) {
  const auto attempt = running_.at(id).attempt;
  self_->request(context_->peers->writer, timeouts::execution_write, *running_.at(id).settling)
    .then(
      [this, id, attempt](const done&) {
        const auto found = running_.find(id);
        if (found == running_.end() || found->second.attempt != attempt)
          return;
        log_settled(id, found->second);
        forget(id);
      },
      [this, id, attempt](const caf::error& reason) {
        const auto found = running_.find(id);
        if (found == running_.end() || found->second.attempt != attempt)
          return;
        // A stale fence says that somebody else has decided already (a cancel, say). Anything else is worth another
        // try: until it is stored the task stands as RUNNING.
        if (is_passing(reason)) {
          settle_later();
          return;
        }
        if (reason == errc::fenced)
          metrics_->write_fenced();
        forget(id);
      });
}

void task_supervisor_state::log_attempt_end(const uuid& id, const running_task& entry, std::string_view how) const {
  logging::debug("attempt ended", [&](auto& line) {
    line.add("task", id).add("attempt", entry.attempt).add("outcome", how);
    const auto took = self_->clock().now() - entry.started;
    line.add("took_ms", std::chrono::duration_cast<std::chrono::microseconds>(took));
  });
}

void task_supervisor_state::log_settled(const uuid& id, const running_task& entry) {
  const auto& end = *entry.settling;
  const auto say = [&](auto& line) {
    line.add("task", id).add("class", to_string(end.kind)).add("attempt", entry.attempt);
    line.add("error", logging::own_part(end.error, entry.own_words));
    if (end.retry_at)
      line.add("delay_ms", std::chrono::duration_cast<std::chrono::microseconds>(*end.retry_at - end.at));
    else
      line.add("charged", entry.charged + (end.charge ? 1 : 0));
    line.add_if_any("bot", entry.bot ? entry.bot->name : "").add_if_any("model", end.model);
    line.add("thread", entry.thread_id).add("namespace", entry.ns);
  };
  if (end.retry_at)
    logging::debug("task is tried again", say);
  else
    logging::info("task failed", say);
}

void task_supervisor_state::settle_later() {
  if (!std::exchange(settle_tick_sent_, true))
    self_->delayed_send(self_, timeouts::settle_again, retry_settling{});
}

void task_supervisor_state::settle_all() {
  settle_tick_sent_ = false;
  carry_out(lease_.looked_again(drain_.has_begun()));
  if (!lease_.is_ready())
    return;
  std::vector<uuid> unsettled;
  for (const auto& [id, entry] : running_)
    if (entry.settling)
      unsettled.push_back(id);
  for (const auto& id : unsettled)
    settle(id);
  claim(gate_.work_came(running()));
}

void task_supervisor_state::forget(const uuid& id) {
  const auto found = running_.find(id);
  if (found == running_.end())
    return;
  if (found->second.actor)
    by_actor_.erase(found->second.actor.id());
  running_.erase(found);
  metrics_->running_changed(-1);
  carry_out(drain_.looked(is_empty()));
  claim(gate_.room_came(running()));
}

// -- the actor ------------------------------------------------------------------

task_supervisor_actor::behavior_type task_supervisor(
  task_supervisor_actor::stateful_pointer<task_supervisor_state> self, services_ptr peers, metrics_ptr measured,
  supervisor_config config) {
  self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
  self->set_down_handler([self](const caf::down_msg& down) { self->state.attempt_ended(down); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.end_all(exit.reason);
    self->quit(exit.reason);
  });
  self->state.start(std::move(peers), std::move(measured), std::move(config));
  return {
    [self](const work_arrived& work) { self->state.arrive(work); },
    [self](const retry_settling&) { self->state.settle_all(); },
    [self](const renewal_due&) { self->state.renew(); },
    [self](const node_suspected& whom) { self->state.suspect(whom); },
    [self](const recovery_due& tick) { self->state.ask_again(tick); },
    [self](const end_running& request) { return self->state.end_if_running(request); },
    [self](const task_was_ended& ended) { self->state.stop_actor(ended.id); },
    [self](cancel_task& request) { return self->state.cancel(request); },
    [self](set_task_status& request) { return self->state.set_status(request); },
    [self](delete_task& request) { return self->state.remove(request); },
    [self](start_turn& request) { return self->delegate(self->state.new_turn(), std::move(request)); },
    [self](cancel_turn& request) { return self->delegate(self->state.new_turn(), std::move(request)); },
    [self](const drain& request) { return self->state.drain_within(request.grace); },
    [self](const drain_expired&) { self->state.end_drain(); },
    [self](const get_load&) { return self->state.load(); },
    [self](const services_changed& changed) { self->state.relink(changed.now); },
  };
}

} // namespace troupe
