#include "actors/tasks/scheduler.hpp"

#include "actors/timeouts.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/logging/say.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>

namespace troupe {

namespace {

/// Design §7: an idempotency key is kept for a day.
constexpr std::chrono::hours key_lifetime{24};

constexpr std::chrono::hours between_clean_ups{1};

/// A longer wait is taken in steps, so that a change of the wall clock is noticed.
constexpr std::chrono::minutes longest_wait{1};

} // namespace

void scheduler_state::start(services_ptr peers, clock_function clock, std::optional<std::chrono::milliseconds> poll) {
  peers_ = std::move(peers);
  clock_ = std::move(clock);
  poll_ = poll;
  clean_up_later();
  poll_later();
}

void scheduler_state::schedule(timestamp due) {
  if (next_ && *next_ <= due)
    return;
  next_ = due;
  const auto wait = std::clamp<std::chrono::microseconds>(due - clock_(), std::chrono::microseconds{0}, longest_wait);
  self_->delayed_send(self_, wait, due_tick{++number_});
}

void scheduler_state::wake(std::uint64_t number) {
  if (number != number_ || !next_)
    return;
  const auto due = *std::exchange(next_, std::nullopt);
  if (due > clock_())
    schedule(due);
  else if (peers_->supervisor) {
    logging::trace("a task is due", [](auto&) {});
    self_->send(peers_->supervisor, work_arrived{});
  }
}

void scheduler_state::clean_up() {
  self_->request(peers_->writer, timeouts::store_write, troupe::clean_up{clock_() - key_lifetime})
    .then([](const done&) {},
          [](const caf::error& reason) { say::warn("old idempotency keys were not removed: {}", loggable(reason)); });
  clean_up_later();
}

void scheduler_state::clean_up_later() {
  self_->delayed_send(self_, between_clean_ups, clean_up_tick{});
}

void scheduler_state::poll() {
  if (peers_->supervisor)
    self_->send(peers_->supervisor, work_arrived{true});
  poll_later();
}

void scheduler_state::poll_later() {
  if (poll_)
    self_->delayed_send(self_, *poll_, poll_tick{});
}

scheduler_actor::behavior_type scheduler(scheduler_actor::stateful_pointer<scheduler_state> self, services_ptr peers,
                                         clock_function clock, std::optional<std::chrono::milliseconds> poll) {
  self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
  self->state.start(std::move(peers), std::move(clock), poll);
  return {
    [self](const task_scheduled& told) { self->state.schedule(told.due); },
    [self](const due_tick& tick) { self->state.wake(tick.number); },
    [self](const clean_up_tick&) { self->state.clean_up(); },
    [self](const poll_tick&) { self->state.poll(); },
    [self](const services_changed& changed) { self->state.relink(changed.now); },
  };
}

} // namespace troupe
