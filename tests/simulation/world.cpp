#include "tests/simulation/world.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

void world::after(duration wait, std::function<void()> what) {
  events_.push({now_ + wait, ++last_number_, std::move(what)});
}

bool world::work_once() {
  std::size_t busy = 0;
  for (auto* one : machines_)
    busy += one->has_work() ? 1 : 0;
  if (busy == 0)
    return false;
  auto chosen = random_below(busy);
  for (auto* one : machines_) {
    if (!one->has_work() || chosen-- > 0)
      continue;
    one->work(random_());
    break;
  }
  ++steps_;
  return true;
}

void world::run_for(duration length) {
  run_for(length, [] { return true; });
}

void world::run_for(duration length, const std::function<bool()>& goes_on) {
  const auto end = now_ + length;
  for (;;) {
    while (work_once()) {
    }
    if (!goes_on())
      return;
    auto next = events_.empty() ? end : std::min(end, events_.top().at);
    for (auto* one : machines_)
      if (const auto alarm = one->next_alarm())
        next = std::min(next, std::max(*alarm, now_));
    now_ = next;
    note(static_cast<std::uint64_t>(elapsed().count()) ^ steps_);
    const auto machines = machines_;
    for (auto* one : machines)
      one->advance_to(now_);
    if (!events_.empty() && events_.top().at <= now_) {
      const auto what = events_.top().what;
      events_.pop();
      what();
      ++steps_;
      continue;
    }
    if (now_ >= end)
      return;
  }
}

} // namespace troupe
