#include "actors/cluster/relay.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace troupe {

std::unordered_map<uuid, events_relayed> share_out(const std::vector<event_record>& events,
                                                   const room_directory<uuid>& wanted) {
  std::unordered_map<uuid, events_relayed> parts;
  const event_source* last = nullptr;
  std::vector<uuid> receivers;
  for (const auto& event : events) {
    const auto fresh = event.source.get() != last;
    if (fresh) {
      last = event.source.get();
      receivers.clear();
      wanted.for_each_member(*event.source, [&](const uuid& node) {
        if (std::find(receivers.begin(), receivers.end(), node) == receivers.end())
          receivers.push_back(node);
      });
    }
    for (const auto& node : receivers) {
      auto& part = parts[node];
      if (fresh)
        part.sources.push_back(*event.source);
      part.events.push_back({static_cast<std::uint32_t>(part.sources.size() - 1), event.seq, event.position,
                             event.attempt, event.type, event.at.time_since_epoch().count(), event.data});
    }
  }
  return parts;
}

event_batch unpack(events_relayed& commit) {
  std::vector<std::shared_ptr<const event_source>> sources;
  sources.reserve(commit.sources.size());
  for (auto& source : commit.sources)
    sources.push_back(std::make_shared<const event_source>(std::move(source)));
  auto events = std::make_shared<std::vector<event_record>>();
  events->reserve(commit.events.size());
  for (auto& event : commit.events)
    if (event.source < sources.size())
      events->push_back({sources[event.source], event.seq, event.position, event.attempt, event.type,
                         timestamp{std::chrono::microseconds{event.at}}, std::move(event.data)});
  return events;
}

std::uint64_t size_of(const events_relayed& commit) noexcept {
  constexpr std::uint64_t fixed = 64;
  std::uint64_t sum = fixed;
  for (const auto& event : commit.events)
    sum += fixed + event.data.size();
  return sum + fixed * commit.sources.size();
}

} // namespace troupe
