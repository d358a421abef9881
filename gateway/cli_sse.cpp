#include "gateway/cli_sse.hpp"

#include <utility>

namespace troupe {

std::vector<streamed_event> sse_parser::feed(std::string_view bytes) {
  std::vector<streamed_event> events;
  for (const char c : bytes) {
    const bool is_second_of_pair = after_return_ && c == '\n';
    after_return_ = c == '\r';
    if (is_second_of_pair)
      continue;
    if (c == '\r' || c == '\n')
      end_line(events);
    else
      line_ += c;
  }
  return events;
}

void sse_parser::end_line(std::vector<streamed_event>& events) {
  std::string_view line = line_;
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (std::exchange(at_start_, false) && line.starts_with(byte_order_mark))
    line.remove_prefix(byte_order_mark.size());
  if (line.empty()) {
    // Without data the block was a comment that keeps the connection alive. The id
    // outlives its event: it is the place to resume at.
    if (has_data_)
      events.push_back(event_);
    event_.event.clear();
    event_.data.clear();
    has_data_ = false;
  } else if (line.front() != ':') {
    const auto colon = line.find(':');
    auto value = colon == line.npos ? std::string_view{} : line.substr(colon + 1);
    if (value.starts_with(' '))
      value.remove_prefix(1);
    take_field(line.substr(0, colon), value);
  }
  line_.clear();
}

void sse_parser::take_field(std::string_view name, std::string_view value) {
  if (name == "data") {
    if (std::exchange(has_data_, true))
      event_.data += '\n';
    event_.data += value;
  } else if (name == "event") {
    event_.event = value;
  } else if (name == "id" && value.find('\0') == value.npos) {
    event_.id = value;
  }
}

} // namespace troupe
