#include "actors/store/store_answers.hpp"
#include "actors/tasks/task_supervisor.hpp"
#include "actors/timeouts.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/logging/say.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <utility>

/// Claims. Whether there is one, and for how many tasks, the gate decides.
namespace troupe {

void task_supervisor_state::arrive(const work_arrived& work) {
  if (!work.passed_on && !gate_.has_room(running()))
    pass_on(false);
  claim(gate_.work_came(running()));
}

void task_supervisor_state::pass_on(bool much) {
  if (context_->peers->cluster)
    self_->send(context_->peers->cluster, work_left{much});
}

void task_supervisor_state::claim(int limit) {
  if (limit == 0)
    return;
  self_
    ->request(context_->peers->writer, timeouts::execution_write,
              claim_tasks{context_->owner, config_.node, limit, config_.clock()})
    .then([this, limit](claimed_tasks& claimed) { take(claimed, limit); },
          [this](caf::error& reason) {
            say::error("tasks could not be claimed: {}", loggable(reason));
            if (!is_refusal(reason)) {
              // The claim may be on disk, and nobody knows which tasks it holds: a new supervisor will recover them.
              self_->quit(std::move(reason));
              return;
            }
            gate_.refused();
            settle_later();
          });
}

void task_supervisor_state::take(claimed_tasks& claimed, int limit) {
  const auto count = static_cast<int>(claimed.tasks.size());
  const auto orders = gate_.claimed(count, running());
  if (orders.give_back) {
    give_back(claimed);
    return;
  }
  logging::line(count > 0 ? logging::level::debug : logging::level::trace, "claimed tasks",
                [&](auto& line) { line.add("count", count).add("limit", limit); });
  claim(orders.claim);
  for (auto& task : claimed.tasks) {
    spawn_task(task);
    gate_.started();
  }
  if (claimed.next_due && context_->peers->scheduler)
    self_->send(context_->peers->scheduler, task_scheduled{*claimed.next_due});
  if (orders.pass_on)
    pass_on(true);
}

void task_supervisor_state::give_back(const claimed_tasks& claimed) {
  const auto go_on = [this] {
    gate_.given_back();
    carry_out(drain_.looked(is_empty()));
  };
  release_tasks unwanted{{}, std::string{shutting_down}, config_.clock()};
  for (const auto& task : claimed.tasks)
    unwanted.fences.push_back({task.id, task.attempt, context_->owner});
  self_->request(context_->peers->writer, timeouts::execution_write, std::move(unwanted))
    .then([go_on](const done&) { go_on(); },
          // The next start finds them, as it would after a kill.
          [go_on](const caf::error&) { go_on(); });
}

void task_supervisor_state::spawn_task(claimed_task& claim) {
  const auto id = claim.id;
  logging::debug("attempt started", [&](auto& line) {
    line.add("task", id).add("attempt", claim.attempt).add("thread", claim.thread_id).add("namespace", claim.ns);
    line.add_if_any("bot", claim.bot ? claim.bot->name : "").add_if_any("model", claim.model ? claim.model->name : "");
  });
  running_task entry;
  entry.bot = claim.bot;
  entry.thread_id = claim.thread_id;
  entry.ns = claim.ns;
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

} // namespace troupe
