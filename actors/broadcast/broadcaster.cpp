#include "actors/broadcast/broadcaster.hpp"

#include "actors/timeouts.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/logging/say.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

using namespace std::chrono_literals;

/// How long a commit that is not the next one waits for those before it: what comes
/// over a link takes a few milliseconds.
constexpr auto patience = 100ms;

/// The same while some node is not linked, whose commits do not come at all. Longer,
/// since each time everybody looks into the store.
constexpr auto patience_without_links = 250ms;

/// How often the store is asked whether there is more than was heard of.
constexpr auto look_interval = 2s;
constexpr auto look_interval_without_links = 500ms;

/// Subscribers come and go; the others are told only if there is none for so long.
constexpr auto linger = 2s;

void add_room(logging::fields& line, const room& where) {
  switch (where.type) {
  case room::kind::task: line.add("room", "task:" + where.id.to_string()); break;
  case room::kind::user: line.add("room", "user:" + where.name); break;
  case room::kind::ns: line.add("room", "namespace:" + where.name); break;
  }
}

} // namespace

// -- start and relink -----------------------------------------------------------

void broadcaster_state::start(services_ptr peers, metrics_ptr measured) {
  peers_ = std::move(peers);
  metrics_ = std::move(measured);
}

void broadcaster_state::relink(services_ptr peers) {
  const auto same_cluster = peers_->cluster == peers->cluster;
  peers_ = std::move(peers);
  if (same_cluster || !peers_->cluster)
    return;
  complete_ = false;
  // The new one knows of no room.
  if (listening_)
    tell_cluster({true, rooms_.all(), {}});
}

// -- rooms ----------------------------------------------------------------------

caf::typed_response_promise<done> broadcaster_state::join(const join_room& request) {
  auto promise = self_->make_response_promise<done>();
  const auto first = rooms_.join(request.where, request.subscriber);
  add_member(request);
  if (!peers_->cluster) {
    promise.deliver(done{});
    return promise;
  }
  if (first)
    announce(request.where);
  if (const auto found = pending_.find(request.where); found != pending_.end()) {
    found->second.waiting.push_back(promise);
  } else {
    ready_.push_back(promise);
    answer_ready();
  }
  return promise;
}

void broadcaster_state::add_member(const join_room& request) {
  logging::trace("room joined", [&](auto& line) { add_room(line, request.where); });
  if (std::find(known_.begin(), known_.end(), request.subscriber) != known_.end())
    return;
  self_->monitor(request.subscriber);
  known_.push_back(request.subscriber);
}

void broadcaster_state::leave(const leave_room& request) {
  logging::trace("room left", [&](auto& line) { add_room(line, request.where); });
  if (rooms_.leave(request.where, request.subscriber))
    emptied(request.where);
}

void broadcaster_state::remove(const caf::actor_addr& gone) {
  const auto found
    = std::find_if(known_.begin(), known_.end(), [&](const auto& member) { return member.address() == gone; });
  if (found == known_.end())
    return;
  for (const auto& where : rooms_.remove(*found))
    emptied(where);
  known_.erase(found);
}

void broadcaster_state::announce(const room& where) {
  const auto number = ++last_number_;
  pending_[where].number = number;
  if (!std::exchange(listening_, true))
    look_later();
  self_->request(peers_->cluster, timeouts::change_rooms, rooms_changed{true, {where}, {}})
    .then([this, where, number](const done&) { announced(where, number); },
          [this, where, number](const caf::error&) {
            // The cluster actor died. The next one is told of all rooms, and makes everybody look for what was missed.
            announced(where, number);
          });
}

void broadcaster_state::announced(const room& where, std::uint64_t number) {
  const auto found = pending_.find(where);
  if (found == pending_.end() || found->second.number != number)
    return;
  auto& waiting = found->second.waiting;
  ready_.insert(ready_.end(), waiting.begin(), waiting.end());
  pending_.erase(found);
  answer_ready();
}

void broadcaster_state::answer_ready() {
  if (!order_.started() && !began_late_) {
    begin_order();
    return;
  }
  for (auto& promise : std::exchange(ready_, {}))
    promise.deliver(done{});
}

void broadcaster_state::emptied(const room& where) {
  if (!peers_->cluster)
    return;
  // Whoever waited for it has left.
  if (const auto found = pending_.find(where); found != pending_.end()) {
    for (auto& promise : found->second.waiting)
      promise.deliver(done{});
    pending_.erase(found);
  }
  tell_cluster({true, {}, {where}});
  if (rooms_.empty())
    self_->delayed_send(self_, linger, linger_over{idle_number_ = ++last_number_});
}

void broadcaster_state::stop_if_idle(std::uint64_t number) {
  if (number != idle_number_ || !rooms_.empty() || !listening_)
    return;
  listening_ = false;
  began_late_ = false;
  order_.stop();
  tell_cluster({false, {}, {}});
}

void broadcaster_state::tell_cluster(rooms_changed change) {
  self_->request(peers_->cluster, timeouts::change_rooms, std::move(change))
    .then([](const done&) {},
          [](const caf::error&) {
            // The next one is told of all rooms.
          });
}

// -- commits --------------------------------------------------------------------

void broadcaster_state::begin_order() {
  if (std::exchange(beginning_, true))
    return;
  // Asked when everybody relays already: whatever is behind the answer comes here.
  self_->request(peers_->readers.front(), timeouts::store_read, get_last_position{})
    .then([this](const last_position& found) { order_begun(found.position); },
          [this](const caf::error& reason) {
            say::warn("live events are late: {}", loggable(reason));
            beginning_ = false;
            began_late_ = true;
            answer_ready();
          });
}

void broadcaster_state::order_begun(std::int64_t position) {
  beginning_ = false;
  if (!listening_)
    return;
  // First: whoever has seen what comes now does not look for what was before it.
  if (std::exchange(began_late_, false))
    tell_missed();
  publish(order_.start(position));
  answer_ready();
  watch_for_missing();
}

void broadcaster_state::take(const events_committed& commit) {
  if (!peers_->cluster)
    publish(commit.events);
  else if (listening_) {
    publish(order_.add(commit.from, commit.to, commit.events, self_->clock().now()));
    watch_for_missing();
  }
}

void broadcaster_state::watch_for_missing() {
  const auto due = order_.deadline();
  if (!due || std::exchange(watching_, true))
    return;
  self_->delayed_send(self_, std::max(*due - self_->clock().now(), std::chrono::steady_clock::duration{0}),
                      commit_overdue{});
}

void broadcaster_state::skip_missing() {
  watching_ = false;
  const auto skipped = order_.skip(self_->clock().now());
  if (skipped.missed)
    tell_missed();
  publish(skipped.next);
  watch_for_missing();
}

void broadcaster_state::tell_missed() {
  metrics_->events_missed();
  for (const auto& subscriber : known_)
    self_->send(subscriber, events_missed{});
}

void broadcaster_state::publish(const batch_list& batches) {
  for (const auto& batch : batches)
    publish(batch);
}

void broadcaster_state::publish(const event_batch& events) {
  if (rooms_.empty())
    return;
  std::vector<std::pair<subscriber_actor, std::vector<std::uint32_t>>> chosen;
  for (std::uint32_t i = 0; i < events->size(); ++i) {
    rooms_.for_each_member(*(*events)[i].source, [&](const subscriber_actor& member) {
      auto found = std::find_if(chosen.begin(), chosen.end(), [&](const auto& entry) { return entry.first == member; });
      if (found == chosen.end())
        chosen.emplace_back(member, std::vector<std::uint32_t>{i});
      else if (found->second.back() != i)
        found->second.push_back(i);
    });
  }
  for (auto& [member, indexes] : chosen)
    self_->send(member, events_published{events, std::move(indexes)});
}

// -- the cluster ----------------------------------------------------------------

void broadcaster_state::links_changed_to(bool complete) {
  complete_ = complete;
  order_.set_patience(complete ? patience : patience_without_links);
  // A new link begins now: what was committed just before it did not come.
  if (listening_) {
    look_number_ = ++last_number_;
    look(look_number_);
  }
}

void broadcaster_state::look_later() {
  look_number_ = ++last_number_;
  self_->delayed_send(self_, complete_ ? look_interval : look_interval_without_links, look_due{look_number_});
}

void broadcaster_state::look(std::uint64_t number) {
  if (number != look_number_ || !listening_)
    return;
  look_later();
  if (!order_.started()) {
    if (began_late_)
      begin_order();
    return;
  }
  if (std::exchange(looking_, true))
    return;
  self_->request(peers_->readers.front(), timeouts::store_read, get_last_position{})
    .then(
      [this](const last_position& found) {
        looking_ = false;
        publish(order_.expect(found.position, self_->clock().now()));
        watch_for_missing();
      },
      [this](const caf::error&) {
        // Looked for again soon.
        looking_ = false;
      });
}

broadcaster_actor::behavior_type broadcaster(broadcaster_actor::stateful_pointer<broadcaster_state> self,
                                             services_ptr peers, metrics_ptr measured) {
  self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
  self->set_down_handler([self](const caf::down_msg& down) { self->state.remove(down.source); });
  self->state.start(std::move(peers), std::move(measured));
  return {
    [self](const events_committed& commit) { self->state.take(commit); },
    [self](const events_missed&) { self->state.tell_missed(); },
    [self](const join_room& request) { return self->state.join(request); },
    [self](const leave_room& request) { self->state.leave(request); },
    [self](const links_changed& links) { self->state.links_changed_to(links.complete); },
    [self](const commit_overdue&) { self->state.skip_missing(); },
    [self](const look_due& tick) { self->state.look(tick.number); },
    [self](const linger_over& tick) { self->state.stop_if_idle(tick.number); },
    [self](const services_changed& changed) { self->state.relink(changed.now); },
  };
}

} // namespace troupe
