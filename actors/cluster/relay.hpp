#pragma once

#include "actors/messages.hpp"
#include "actors/rooms.hpp"
#include "actors/wire.hpp"

#include <cstdint>
#include <unordered_map>
#include <vector>

/// How commits are written for other nodes, and read again. Pure.
namespace troupe {

/// For each node, the events of a commit in rooms that it wants. Whoever wants none
/// of them has no part.
std::unordered_map<uuid, events_relayed> share_out(const std::vector<event_record>& events,
                                                   const room_directory<uuid>& wanted);

/// The events as the writer would have told them.
event_batch unpack(events_relayed& commit);

/// Roughly the bytes on the wire; the same on both ends.
std::uint64_t size_of(const events_relayed& commit) noexcept;

} // namespace troupe
