#include "tests/simulation/gateway.hpp"

#include "actors/errors.hpp"
#include "actors/timeouts.hpp"
#include "gateway/rendering/frames.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <chrono>

namespace troupe {

namespace {

live_event to_live(const event_record& event) {
  auto text = std::make_shared<std::string>();
  append_event(*text, event);
  return {event.source, event.seq, event.position, event.type, std::move(text)};
}

bool holds(const room& where, const event_source& source) {
  switch (where.type) {
  case room::kind::task: return source.thread_id == where.id;
  case room::kind::user: return source.created_by == where.name;
  case room::kind::ns: break;
  }
  return source.ns == where.name;
}

} // namespace

const reader_actor& simulated_gateway_state::next_reader() {
  return peers_->readers[++last_reader_ % peers_->readers.size()];
}

void simulated_gateway_state::relink(services_ptr peers) {
  const auto same_broadcaster = peers_->broadcaster == peers->broadcaster;
  peers_ = std::move(peers);
  if (same_broadcaster)
    return;
  if (rooms_.empty())
    return;
  interrupted_ = true;
  for (const auto& one : feeds_)
    one->interrupt();
  for (const auto& go_on : std::exchange(joining_, {}))
    go_on();
  const auto left = std::make_shared<std::size_t>(rooms_.size());
  const auto joined = [this, left, whose = peers_->broadcaster] {
    if (--*left > 0 || whose != peers_->broadcaster)
      return;
    interrupted_ = false;
    look_again();
  };
  for (const auto& [resolved, times] : rooms_) {
    ask<done>(
      peers_->broadcaster, join_room{resolved, subscriber_actor{self_}}, [joined](const done&) { joined(); },
      [joined](const store_error&) { joined(); });
    for (int i = 1; i < times; ++i)
      caf::anon_send(peers_->broadcaster, join_room{resolved, subscriber_actor{self_}});
  }
}

void simulated_gateway_state::publish(const events_published& published) {
  for (const auto index : published.chosen) {
    const auto& event = (*published.events)[index];
    const auto live = to_live(event);
    const auto now = feeds_;
    for (const auto& one : now)
      if (one->resolved() && holds(*one->resolved(), *event.source))
        one->on_live(live);
  }
}

void simulated_gateway_state::look_again() {
  if (interrupted_)
    return;
  const auto now = feeds_;
  for (const auto& one : now)
    one->resync();
}

void simulated_gateway_state::open(const std::shared_ptr<feed>& which) {
  get_room_start question{which->where(), std::nullopt, std::nullopt};
  const auto from = which->from();
  if (const auto* seq = std::get_if<after_seq>(&from))
    question.after_seq = seq->seq;
  else if (const auto* position = std::get_if<after_position>(&from))
    question.after_position = position->position;
  const auto begin = [this, which](const room_start& start) {
    which->begin(start.resolved, start.position, start.was_ahead);
    if (which->ended()) {
      close(which);
      return;
    }
    if (interrupted_)
      which->interrupt();
    feeds_.push_back(which);
  };
  ask<room_start>(
    next_reader(), std::move(question),
    [this, begin](const room_start& start) {
      ++rooms_[start.resolved];
      // As the product's gateway: where the broadcaster dies, its successor makes everybody look.
      const auto go_on = [begin, start, gone_on = std::make_shared<bool>(false)] {
        if (!std::exchange(*gone_on, true))
          begin(start);
      };
      joining_.push_back(go_on);
      ask<done>(
        peers_->broadcaster, join_room{start.resolved, subscriber_actor{self_}}, [go_on](const done&) { go_on(); },
        [go_on](const store_error&) { go_on(); });
    },
    [which](const store_error& reason) { which->on_failed(reason); });
}

void simulated_gateway_state::read(const std::shared_ptr<feed>& which, std::int64_t position, page_size most) {
  if (which->is_over())
    return;
  ask<room_events>(
    next_reader(), get_room_events{*which->resolved(), position, most},
    [which](const room_events& page) {
      std::vector<live_event> events;
      for (const auto& event : page.events)
        events.push_back(to_live(event));
      which->on_page({{}, page.position, page.at_end}, events);
    },
    [this, which, position, most](const store_error& reason) {
      if (reason.code != errc::unavailable) {
        which->on_failed(reason);
        return;
      }
      self_->delayed_send(self_, std::chrono::milliseconds{250},
                          run_here{[this, which, position, most] { read(which, position, most); }});
    });
}

void simulated_gateway_state::close(const std::shared_ptr<feed>& which) {
  which->end();
  std::erase(feeds_, which);
  if (!which->resolved())
    return;
  const auto found = rooms_.find(*which->resolved());
  if (found == rooms_.end())
    return;
  if (--found->second == 0)
    rooms_.erase(found);
  if (peers_->broadcaster)
    self_->send(peers_->broadcaster, leave_room{*which->resolved(), subscriber_actor{self_}});
}

simulated_gateway start_gateway(caf::actor_system& system, services_ptr peers, const gateway_place& place) {
  return system.spawn(
    [](simulated_gateway::stateful_pointer<simulated_gateway_state> self, services_ptr known,
       const gateway_place& where) -> simulated_gateway::behavior_type {
      self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
      self->state.start(std::move(known));
      *where = &self->state;
      return {
        [self](const events_published& published) { self->state.publish(published); },
        [self](const events_missed&) { self->state.look_again(); },
        [self](const services_changed& changed) { self->state.relink(changed.now); },
        [](const run_here& job) { job.what(); },
      };
    },
    std::move(peers), place);
}

} // namespace troupe
