#include "tests/simulation/watch.hpp"

#include <utility>

namespace troupe {

namespace {

using namespace std::chrono_literals;

} // namespace

seen_event summary_of(std::int64_t seq, event_type type, const std::string& frame) {
  // The frame names the attempt too.
  return {seq, 0, is_terminal(type), std::hash<std::string>{}(frame)};
}

void watch::connect() {
  if (std::exchange(connecting_, true))
    return;
  const auto self = shared_from_this();
  world_.after(world_.random_between(5ms, 500ms), [self] {
    self->connecting_ = false;
    if (self->home_)
      return;
    self->home_ = self->choose_();
    if (!self->home_) {
      self->connect();
      return;
    }
    const auto number = ++self->connection_;
    const auto mine = std::make_shared<std::weak_ptr<feed>>();
    const auto made = std::make_shared<feed>(self->where_, self->from_, self->hooks_of(mine));
    *mine = made;
    self->feed_ = made;
    const auto there = self->home_->at_gateway([self, number, made](simulated_gateway_state& gateway) {
      if (self->connection_ == number)
        gateway.open(made);
    });
    if (!there)
      self->lose();
  });
}

feed::hooks watch::hooks_of(const std::shared_ptr<std::weak_ptr<feed>>& mine) {
  const auto self = weak_from_this();
  const auto number = connection_;
  const auto while_mine = [self, number](const auto& what) {
    if (const auto alive = self.lock(); alive && alive->connection_ == number)
      what(*alive);
  };
  feed::hooks hooks;
  hooks.deliver = [while_mine](const live_event& event) { while_mine([&](watch& w) { w.take(event); }); };
  hooks.read = [while_mine, mine](std::int64_t position, page_size most) {
    while_mine([&](watch& w) {
      const auto which = mine->lock();
      if (w.home_ && which)
        w.home_->at_gateway(
          [which, position, most](simulated_gateway_state& gateway) { gateway.read(which, position, most); });
    });
  };
  hooks.opened = [](const room&) {};
  hooks.missed = [while_mine](std::int64_t from, std::int64_t to) {
    while_mine([&](watch& w) {
      w.complaints_.push_back("it is told that " + std::to_string(from) + " to " + std::to_string(to) + " are gone");
    });
  };
  hooks.failed = [while_mine](const store_error&) { while_mine([](watch& w) { w.lose(); }); };
  hooks.congested = [] { return false; };
  return hooks;
}

void watch::take(const live_event& event) {
  seen_[event.source->task_id].push_back(summary_of(event.seq, event.type, *event.text));
  from_ = after_position{event.position};
  told_(event);
}

void watch::lose() {
  ++connection_;
  if (const auto old = std::exchange(feed_, nullptr)) {
    if (home_)
      home_->at_gateway([old](simulated_gateway_state& gateway) { gateway.close(old); });
    old->end();
  }
  home_ = nullptr;
  connect();
}

void watch::lose(const process& whom) {
  if (home_ == &whom)
    lose();
}

bool watch::has_seen(const uuid& task, std::int64_t seq) const {
  const auto found = seen_.find(task);
  return found != seen_.end() && !found->second.empty() && found->second.back().seq >= seq;
}

} // namespace troupe
