#include "actors/store/store_answers.hpp"
#include "actors/tasks/task_supervisor.hpp"
#include "actors/timeouts.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/logging/say.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

/// The lease, and the tasks of those who have lost theirs. What follows what the keeper
/// decides.
namespace troupe {

void task_supervisor_state::carry_out(const lease_orders& orders) {
  if (orders.take)
    take_lease();
  if (orders.renew_later)
    renew_later();
  if (orders.renew)
    renew_now();
  if (orders.recover)
    recover(*orders.recover);
  if (orders.watch)
    watch(*orders.watch);
  if (orders.claim)
    claim(gate_.open(running()));
  if (orders.look_again)
    settle_later();
}

// -- the lease ------------------------------------------------------------------

void task_supervisor_state::take_lease() {
  self_
    ->request(
      context_->peers->writer, timeouts::execution_write,
      renew_lease{context_->owner, config_.node_id, config_.node, config_.lease_ttl.value_or(renew_lease{}.ttl), true})
    .then(
      [this](const lease_state&) {
        logging::debug("lease taken", [&](auto& line) { line.add("lease", context_->owner); });
        carry_out(lease_.taken());
      },
      [this](const caf::error& reason) {
        say::error("there is no lease yet: {}", loggable(reason));
        carry_out(lease_.not_taken());
      });
}

void task_supervisor_state::renew_later() {
  if (config_.lease_ttl)
    self_->delayed_send(self_, *config_.lease_ttl / 3, renewal_due{});
}

void task_supervisor_state::renew() {
  carry_out(lease_.renewal_due());
}

void task_supervisor_state::renew_now() {
  self_
    ->request(context_->peers->writer, timeouts::execution_write,
              renew_lease{context_->owner, config_.node_id, config_.node, *config_.lease_ttl, false})
    .then(
      [this](const lease_state& state) {
        logging::trace("lease renewed", [&](auto& line) { line.add("others_expired", state.others_expired); });
        carry_out(lease_.renewed(state.others_expired));
      },
      [this](const caf::error& reason) {
        const auto orders = lease_.not_renewed(reason == errc::fenced);
        if (orders.step_down)
          lose_lease(reason);
        else
          say::warn("the lease is not renewed yet: {}", loggable(reason));
      });
}

void task_supervisor_state::lose_lease(const caf::error& reason) {
  say::error("other nodes have taken this one for dead: its {} running tasks are theirs now", running_.size());
  metrics_->lease_lost();
  end_all(reason);
  self_->quit(reason);
}

// -- recovery ---------------------------------------------------------------------

void task_supervisor_state::recover(const lease_suspects& suspects) {
  self_
    ->request(context_->peers->writer, timeouts::execution_write,
              recover_tasks{config_.max_recoveries, config_.clock(), suspects})
    .then(
      [this](const recovered_tasks& found) {
        log_recovered(found);
        carry_out(lease_.recovered(found.more));
      },
      [this](const caf::error& reason) {
        say::error("tasks are not recovered yet: {}", loggable(reason));
        carry_out(lease_.not_recovered());
      });
}

void task_supervisor_state::log_recovered(const recovered_tasks& found) {
  if (found.requeued + found.failed > 0) {
    say::info("recovered {} tasks, failed {} that were recovered too often", found.requeued, found.failed);
    metrics_->tasks_recovered(found.requeued + found.failed);
  }
  for (const auto& id : found.given_up)
    logging::info("task failed", [&](auto& line) {
      line.add("task", id).add("error", "It was running at the death of more nodes than max_recoveries allows.");
    });
}

void task_supervisor_state::suspect(const node_suspected& whom) {
  carry_out(lease_.suspected(whom.lease));
}

void task_supervisor_state::watch(const uuid& suspect) {
  for (const auto wait : lease_keeper::asked_again)
    self_->delayed_send(self_, wait, recovery_due{suspect, wait == lease_keeper::asked_again.back()});
}

void task_supervisor_state::ask_again(const recovery_due& tick) {
  carry_out(lease_.recovery_due(tick.suspect, tick.last));
}

} // namespace troupe
