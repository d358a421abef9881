#include "actors/broadcaster.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>

namespace troupe {

void broadcaster_state::join(const join_room& request) {
  rooms_.join(request.where, request.subscriber);
  if (std::find(known_.begin(), known_.end(), request.subscriber) == known_.end()) {
    self_->monitor(request.subscriber);
    known_.push_back(request.subscriber);
  }
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

void broadcaster_state::remove(const caf::actor_addr& gone) {
  const auto found
    = std::find_if(known_.begin(), known_.end(), [&](const auto& member) { return member.address() == gone; });
  if (found == known_.end())
    return;
  rooms_.remove(*found);
  known_.erase(found);
}

broadcaster_actor::behavior_type broadcaster(broadcaster_actor::stateful_pointer<broadcaster_state> self) {
  self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
  self->set_down_handler([self](const caf::down_msg& down) { self->state.remove(down.source); });
  return {
    [self](const events_committed& committed) { self->state.publish(committed.events); },
    [self](const join_room& request) {
      self->state.join(request);
      return done{};
    },
    [self](const leave_room& request) { self->state.leave(request); },
  };
}

} // namespace troupe
