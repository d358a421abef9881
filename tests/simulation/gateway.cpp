#include "tests/simulation/gateway.hpp"

#include "actors/errors.hpp"
#include "gateway/live/live_events.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <chrono>
#include <vector>

namespace troupe {

const reader_actor& simulated_gateway_state::next_reader() {
  return peers_->readers[++last_reader_ % peers_->readers.size()];
}

void simulated_gateway_state::link(services_ptr peers) {
  peers_ = std::move(peers);
  joins_.link(peers_->broadcaster);
}

void simulated_gateway_state::publish(const events_published& published) {
  std::vector<live_event> events;
  for (const auto index : published.chosen)
    events.push_back(to_live((*published.events)[index], *memory_));
  feeds_.deliver(events);
}

void simulated_gateway_state::open(const std::shared_ptr<feed>& which) {
  feeds_.add(which);
  ask<room_start>(
    next_reader(), question_of(*which),
    [this, which](const room_start& start) {
      joins_.join(start.resolved, [this, which, start] {
        which->begin(start.resolved, start.position, start.was_ahead);
        if (!which->ended())
          feeds_.join(which);
        else
          joins_.leave(start.resolved);
      });
    },
    [which](const store_error& reason) { which->on_failed(reason); });
}

void simulated_gateway_state::read(const std::shared_ptr<feed>& which, std::int64_t position, page_size most) {
  if (which->is_over())
    return;
  ask<room_events>(
    next_reader(), get_room_events{*which->resolved(), position, most},
    [this, which](const room_events& page) {
      const auto live = to_live(page, *memory_);
      which->on_page({{}, live.position, live.at_end}, live.events);
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
  if (feeds_.remove(which))
    joins_.leave(*which->resolved());
}

simulated_gateway start_gateway(caf::actor_system& system, services_ptr peers, const gateway_place& place) {
  return system.spawn(
    [](simulated_gateway::stateful_pointer<simulated_gateway_state> self, services_ptr known,
       const gateway_place& where) -> simulated_gateway::behavior_type {
      self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
      self->state.link(std::move(known));
      *where = &self->state;
      return {
        [self](const events_published& published) { self->state.publish(published); },
        [self](const events_missed&) { self->state.look_again(); },
        [self](const services_changed& changed) { self->state.link(changed.now); },
        [](const run_here& job) { job.what(); },
      };
    },
    std::move(peers), place);
}

} // namespace troupe
