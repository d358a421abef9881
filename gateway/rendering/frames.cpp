#include "gateway/rendering/frames.hpp"

#include "gateway/forms/parse_frame.hpp"
#include "gateway/rendering/pages.hpp"
#include "gateway/rendering/records.hpp"

namespace troupe {

void append_event(std::string& out, const event_record& event) {
  out.reserve(out.size() + 320 + event.data.size());
  json_object members{out};
  members.add("type", to_string(event.type))
    .add("task_id", event.source->task_id)
    .add("thread_id", event.source->thread_id)
    .add("namespace", event.source->ns)
    .add("seq", event.seq)
    .add("attempt", event.attempt)
    .add("at", event.at)
    .add_raw("data", event.data.empty() ? std::string_view{"{}"} : event.data);
  auto& text = members.open("cursor");
  text += '"';
  append_event_cursor(text, event.position);
  text += '"';
}

std::string render_event(const event_record& event) {
  return rendered(append_event, event);
}

std::string error_frame(std::string_view code, std::string_view detail) {
  std::string out;
  json_object{out}.add("type", "error").add("code", code).add("detail", detail);
  return out;
}

std::string pong_frame() {
  return R"({"type":"pong"})";
}

std::string gap_frame(const room& r, std::int64_t from, std::int64_t to) {
  std::string out;
  json_object{out}.add("type", "gap").add("room", to_string(r)).add("from", from).add("to", to);
  return out;
}

std::string history_frame(const page<message_record, std::int64_t>& messages) {
  std::string out;
  reserve_for(out, messages.items);
  {
    json_object members{out};
    members.add("type", "history:sync");
    add_page(members, messages.items, append_message, cursor_behind(messages));
  }
  return out;
}

std::string subscription_frame(bool subscribed, const room& r) {
  std::string out;
  json_object{out}.add("type", subscribed ? "subscribed" : "unsubscribed").add("room", to_string(r));
  return out;
}

} // namespace troupe
