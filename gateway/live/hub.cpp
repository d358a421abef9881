#include "gateway/live/hub.hpp"

#include <utility>

namespace troupe {

void hub::join(const std::shared_ptr<feed>& which) {
  if (interrupted_)
    which->interrupt();
  const auto found = feeds_.find(which);
  if (found != feeds_.end() && !std::exchange(found->second.joined, true))
    rooms_.join(*which->resolved(), which);
}

bool hub::remove(const std::shared_ptr<feed>& which) {
  which->end();
  const auto found = feeds_.find(which);
  if (found == feeds_.end())
    return false;
  const auto joined = found->second.joined;
  feeds_.erase(found);
  if (joined)
    rooms_.leave(*which->resolved(), which);
  return joined;
}

void hub::interrupt() {
  interrupted_ = true;
  for_each([](const auto& one) { one->interrupt(); });
}

void hub::resync() {
  interrupted_ = false;
  look_again();
}

void hub::look_again() {
  if (!interrupted_)
    for_each([](const auto& one) { one->resync(); });
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
