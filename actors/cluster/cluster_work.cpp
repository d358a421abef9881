#include "actors/cluster/cluster.hpp"
#include "actors/cluster/ending_wire.hpp"
#include "actors/timeouts.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <memory>
#include <utility>

/// Load, wake-ups, models, and tasks that are ended from another node.
namespace troupe {

namespace {

/// How old another node's idea of this one may be.
constexpr std::chrono::milliseconds status_interval{100};

} // namespace

// -- load -------------------------------------------------------------------------

peer_state cluster_state::state_now() const {
  return {load_.lease, load_.running, load_.capacity, load_.draining};
}

void cluster_state::status_later() {
  self_->delayed_send(self_, status_interval, status_tick{});
}

void cluster_state::tell_status() {
  if (links_.empty()) {
    status_ticking_ = false;
    return;
  }
  ask_load([this] {
    status_later();
    const auto now = state_now();
    const auto before = std::exchange(told_state_, now);
    if (before == now)
      return;
    // Whoever takes nothing more says so to all at once.
    if (now.draining && before && !before->draining)
      show_life();
    for (const auto& [node, one] : links_)
      self_->send(one.peer, node_status{end_of(one), now});
  });
}

void cluster_state::take_status(const node_status& status) {
  auto* from = find_link(status.from);
  if (!from)
    return;
  from->state = status.state;
  wakes_.update(status.from.node, status.state.draining ? 0 : status.state.capacity - status.state.running);
}

// -- wake-ups ---------------------------------------------------------------------

void cluster_state::wake_others(const work_left& work) {
  wake(wakes_.work_left(work.much, self_->clock().now()));
}

void cluster_state::wake_due() {
  wake_ticking_ = false;
  wake(wakes_.due(self_->clock().now()));
}

void cluster_state::wake(const std::vector<uuid>& nodes) {
  for (const auto& node : nodes) {
    const auto& one = links_.at(node);
    self_->send(one.peer, work_waiting{end_of(one)});
    metrics_->node_woken();
  }
  const auto next = wakes_.next();
  if (!next || std::exchange(wake_ticking_, true))
    return;
  self_->delayed_send(self_, std::max(*next - self_->clock().now(), std::chrono::steady_clock::duration{0}),
                      wake_tick{});
}

void cluster_state::take_work(const work_waiting& waiting) {
  if (find_link(waiting.from) && peers_->supervisor)
    self_->send(peers_->supervisor, work_arrived{true});
}

// -- models -----------------------------------------------------------------------

void cluster_state::pause_everywhere(const pause_model& pause) {
  for (const auto& [node, one] : links_)
    self_->send(one.peer, model_paused{end_of(one), pause.ns, pause.name, pause.wait.count()});
}

void cluster_state::take_pause(const model_paused& paused) {
  if (find_link(paused.from) && peers_->models)
    self_->send(peers_->models, pause_model{paused.ns, paused.name, std::chrono::milliseconds{paused.wait}, true});
}

void cluster_state::share_limits() {
  const auto others = std::count_if(others_.begin(), others_.end(), [](const auto& node) { return node.capacity > 0; });
  if (peers_->models)
    self_->send(peers_->models, share_models{static_cast<int>(others) + (load_.capacity > 0 ? 1 : 0)});
}

// -- endings ----------------------------------------------------------------------

caf::typed_response_promise<ending_done> cluster_state::end_there(const end_elsewhere& request) {
  auto promise = self_->make_response_promise<ending_done>();
  const auto asked = std::make_shared<open_ending>(open_ending{promise});
  // Several processes may have the name: the one that runs the task knows it.
  for (const auto& [node, one] : links_) {
    if (one.name != request.node)
      continue;
    ++asked->nodes;
    self_->request(one.peer, timeouts::end_elsewhere, to_wire(request.how, end_of(one)))
      .then(
        [asked](const task_ended_there& answer) {
          switch (answer.result) {
          case ending_result::not_here: asked->pass(); return;
          case ending_result::ended: asked->answer(ending_done{true}); return;
          case ending_result::refused: asked->answer(to_refusal(answer)); return;
          }
        },
        [asked](const caf::error&) { asked->pass(); });
  }
  if (asked->nodes == 0)
    asked->answer(ending_done{false});
  return promise;
}

caf::result<task_ended_there> cluster_state::end_here(const end_task_there& request) {
  const auto* from = find_link(request.from);
  if (!from || !peers_->supervisor)
    return task_ended_there{};
  auto promise = self_->make_response_promise<task_ended_there>();
  const auto end = end_of(*from);
  self_->request(peers_->supervisor, timeouts::end_elsewhere, end_running{from_wire(request)})
    .then(
      [promise, end](const ending_done& done) mutable {
        promise.deliver(task_ended_there{end, done.ran ? ending_result::ended : ending_result::not_here, 0, {}});
      },
      [promise, end](const caf::error& reason) mutable { promise.deliver(to_answer(reason, end)); });
  return promise;
}

} // namespace troupe
