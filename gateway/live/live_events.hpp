#pragma once

#include "actors/questions.hpp"
#include "gateway/live/feed.hpp"
#include "gateway/requests/client_memory.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

/// Events as feeds take them: written out once, for all who get them.
namespace troupe {

/// A page of a room, written out.
struct live_page {
  std::vector<live_event> events;
  std::size_t bytes = 0;
  std::int64_t position = 0;
  bool at_end = false;
};

live_event to_live(const event_record& event, client_memory& memory);
live_page to_live(const room_events& page, client_memory& memory);

/// The question where a feed begins, or goes on.
get_room_start question_of(const feed& which);

} // namespace troupe
