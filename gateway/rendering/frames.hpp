#pragma once

#include "persistence/operations.hpp"
#include "persistence/store.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// What goes over a WebSocket, a JSON text each; an event is the same at every door.
namespace troupe {

/// An event as a frame; appended straight to a string, for every event is rendered once.
void append_event(std::string& out, const event_record& event);
std::string render_event(const event_record& event);

/// `{"type":"error","code":…,"detail":…}`
std::string error_frame(std::string_view code, std::string_view detail);
/// `{"type":"pong"}`
std::string pong_frame();
/// `{"type":"gap","room":…,"from":…,"to":…}`: the subscriber has seen these positions, and the store has not.
std::string gap_frame(const room& r, std::int64_t from, std::int64_t to);
/// `{"type":"history:sync","items":[…],"next_cursor":…}`
std::string history_frame(const page<message_record, std::int64_t>& messages);
/// `{"type":"subscribed","room":…}` or `{"type":"unsubscribed","room":…}`
std::string subscription_frame(bool subscribed, const room& r);

} // namespace troupe
