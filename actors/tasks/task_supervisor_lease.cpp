#include "actors/store/store_answers.hpp"
#include "actors/tasks/task_supervisor.hpp"
#include "actors/timeouts.hpp"
#include "persistence/logging/log.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

/// The lease, and the tasks of those who have lost theirs.
namespace troupe {

namespace {

using namespace std::chrono_literals;

/// When the database is asked again after a node was suspected: a link may notice a
/// death before the database does.
constexpr std::array<std::chrono::milliseconds, 3> asked_again{100ms, 300ms, 1000ms};

} // namespace

// -- the lease ------------------------------------------------------------------

void task_supervisor_state::take_lease() {
  self_
    ->request(
      context_->peers->writer, timeouts::execution_write,
      renew_lease{context_->owner, config_.node_id, config_.node, config_.lease_ttl.value_or(renew_lease{}.ttl), true})
    .then(
      [this](const lease_state&) {
        logging::debug("lease taken", [&](auto& line) { line.add("lease", context_->owner); });
        lease_held_ = true;
        renew_later();
        recover();
      },
      [this](const caf::error& reason) {
        spdlog::error("there is no lease yet: {}", loggable(reason));
        settle_later();
      });
}

void task_supervisor_state::renew_later() {
  if (config_.lease_ttl)
    self_->delayed_send(self_, *config_.lease_ttl / 3, renewal_due{});
}

void task_supervisor_state::renew() {
  if (!lease_held_)
    return;
  renew_later();
  // While the database is away the last one still waits.
  if (std::exchange(renewing_, true))
    return;
  self_
    ->request(context_->peers->writer, timeouts::execution_write,
              renew_lease{context_->owner, config_.node_id, config_.node, *config_.lease_ttl, false})
    .then(
      [this](const lease_state& state) {
        renewing_ = false;
        logging::trace("lease renewed", [&](auto& line) { line.add("others_expired", state.others_expired); });
        if (state.others_expired)
          recover();
      },
      [this](const caf::error& reason) {
        renewing_ = false;
        if (reason == errc::fenced)
          lose_lease(reason);
        else
          spdlog::warn("the lease is not renewed yet: {}", loggable(reason));
      });
}

void task_supervisor_state::lose_lease(const caf::error& reason) {
  spdlog::error("other nodes have taken this one for dead: its {} running tasks are theirs now", running_.size());
  metrics_->lease_lost();
  lease_held_ = false;
  end_all(reason);
  self_->quit(reason);
}

// -- recovery ---------------------------------------------------------------------

void task_supervisor_state::recover() {
  if (std::exchange(recovering_, true)) {
    recover_again_ = true;
    return;
  }
  recover_again_ = false;
  self_
    ->request(context_->peers->writer, timeouts::execution_write,
              recover_tasks{config_.max_recoveries, config_.clock(), suspects_})
    .then([this](const recovered_tasks& found) { recovered(found); },
          [this](const caf::error& reason) {
            spdlog::error("tasks are not recovered yet: {}", loggable(reason));
            recovering_ = false;
            if (!recovered_)
              settle_later();
          });
}

void task_supervisor_state::recovered(const recovered_tasks& found) {
  recovering_ = false;
  if (found.requeued + found.failed > 0) {
    spdlog::info("recovered {} tasks, failed {} that were recovered too often", found.requeued, found.failed);
    metrics_->tasks_recovered(found.requeued + found.failed);
  }
  for (const auto& id : found.given_up)
    logging::info("task failed", [&](auto& line) {
      line.add("task", id).add("error", "It was running at the death of more nodes than max_recoveries allows.");
    });
  if (found.more) {
    recover();
    return;
  }
  recovered_ = true;
  if (recover_again_)
    recover();
  claim();
}

void task_supervisor_state::suspect(const node_suspected& whom) {
  if (!recovered_ || std::find(suspects_.begin(), suspects_.end(), whom.lease) != suspects_.end())
    return;
  suspects_.push_back(whom.lease);
  recover();
  for (const auto wait : asked_again)
    self_->delayed_send(self_, wait, recovery_due{whom.lease, wait == asked_again.back()});
}

void task_supervisor_state::ask_again(const recovery_due& tick) {
  recover();
  if (tick.last)
    std::erase(suspects_, tick.suspect);
}

} // namespace troupe
