#pragma once

#include "actors/interfaces.hpp"
#include "actors/rooms.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <unordered_map>
#include <vector>

/// The broadcaster passes what the writer has committed on to the subscribers of
/// its rooms: one message per subscriber and batch, however many rooms match.
/// Spawned by the node. It holds no event: if it dies, subscribers that come back
/// read what they missed from the store, and no execution notices.
namespace troupe {

class broadcaster_state {
public:
  static inline const char* name = "broadcaster";

  explicit broadcaster_state(broadcaster_actor::pointer self) : self_{self} {}

  void join(const join_room& request);
  void leave(const leave_room& request) { rooms_.leave(request.where, request.subscriber); }
  void publish(const event_batch& events);

  /// A subscriber died.
  void remove(const caf::actor_addr& gone);

private:
  broadcaster_actor::pointer self_;
  room_directory<subscriber_actor> rooms_;
  std::vector<subscriber_actor> known_;
};

broadcaster_actor::behavior_type broadcaster(broadcaster_actor::stateful_pointer<broadcaster_state> self);

} // namespace troupe
