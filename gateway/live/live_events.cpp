#include "gateway/live/live_events.hpp"

#include "gateway/rendering/frames.hpp"

#include <optional>
#include <variant>

namespace troupe {

live_event to_live(const event_record& event, client_memory& memory) {
  return {event.source, event.seq, event.position, event.type, memory.share(render_event(event))};
}

live_page to_live(const room_events& page, client_memory& memory) {
  live_page live{.events = {}, .bytes = 0, .position = page.position, .at_end = page.at_end};
  live.events.reserve(page.events.size());
  for (const auto& event : page.events) {
    live.events.push_back(to_live(event, memory));
    live.bytes += live.events.back().text->size();
  }
  return live;
}

get_room_start question_of(const feed& which) {
  get_room_start question{which.where(), std::nullopt, std::nullopt};
  const auto from = which.from();
  if (const auto* seq = std::get_if<after_seq>(&from))
    question.after_seq = seq->seq;
  else if (const auto* position = std::get_if<after_position>(&from))
    question.after_position = position->position;
  return question;
}

} // namespace troupe
