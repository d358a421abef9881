#include "gateway/hub.hpp"

namespace troupe {

bool hub::remove(const std::shared_ptr<feed>& which) {
  feeds_.erase(which);
  which->end();
  if (!which->resolved())
    return false;
  rooms_.leave(*which->resolved(), which);
  return true;
}

void hub::deliver(const std::vector<live_event>& events) {
  // Delivering may close a connection, which takes its feeds out of the rooms: go through a copy of the members.
  std::vector<std::shared_ptr<feed>> receivers;
  const event_source* last = nullptr;
  for (const auto& event : events) {
    if (event.source.get() != last) {
      last = event.source.get();
      receivers.clear();
      rooms_.for_each_member(*event.source, [&](const std::shared_ptr<feed>& member) { receivers.push_back(member); });
    }
    for (const auto& receiver : receivers)
      receiver->on_live(event);
  }
}

} // namespace troupe
