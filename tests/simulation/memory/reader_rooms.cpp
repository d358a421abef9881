#include "persistence/page_bound.hpp"
#include "tests/simulation/memory/memory_reader.hpp"

#include <algorithm>
#include <iterator>
#include <span>

/// Rooms as the in-memory store's readers see them: as far at a time as in the other databases, though all are found in
/// an index.
namespace troupe {

namespace {

/// Positions looked at by one call.
constexpr std::int64_t stretch = 2000;

std::int64_t latest(const memory_data& data) {
  const auto& all = data.events.ordered();
  return all.empty() ? 0 : std::prev(all.end())->first;
}

const event_index::list& entries_of(const memory_data& data, const room& r) {
  const auto& index = data.events.index();
  switch (r.type) {
  case room::kind::task: return index.of_thread(r.id);
  case room::kind::user: return index.of_user(r.name);
  case room::kind::ns: break;
  }
  return index.of_namespace(r.name);
}

/// Adds those up to and with the position `end`; true if there is more, or may be.
bool take_events(std::span<const event_record* const> from, std::int64_t end, page_size most,
                 std::vector<event_record>& out) {
  page_meter<event_record> meter{most.bytes};
  for (const auto* event : from) {
    if (event->position > end || meter.is_full())
      break;
    if (out.size() == static_cast<std::size_t>(most.items) || !meter.takes(out, *event))
      return true;
    out.push_back(*event);
  }
  return meter.is_full();
}

} // namespace

store_result<std::int64_t> memory_reader::last_position() {
  const auto data = look();
  return latest(*data);
}

store_result<room_events> memory_reader::room_events_after(const room& r, std::int64_t position, page_size most) {
  const auto data = look();
  const auto last = latest(*data);
  room_events result;
  result.position = position;
  if (position < last) {
    const auto end = r.type == room::kind::task ? last : std::min(last, position + stretch);
    const bool more = take_events(entries_of(*data, r).behind(position), end, most, result.events);
    result.position = more ? result.events.back().position : end;
  }
  result.at_end = result.position >= last;
  return result;
}

} // namespace troupe
