#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Reads a stream of server-sent events (HTML Living Standard, section 9.2.6) for
/// the command line's client. Pure: bytes in, events out.
namespace troupe {

struct streamed_event {
  /// The stream's last event id when this event was complete; empty for none.
  std::string id;
  /// The field `event`; empty for none.
  std::string event;
  /// The `data` lines, joined by line feeds.
  std::string data;

  bool operator==(const streamed_event&) const = default;
};

class sse_parser {
public:
  /// Takes the next bytes, cut anywhere, and gives the events that they complete.
  std::vector<streamed_event> feed(std::string_view bytes);

private:
  void end_line(std::vector<streamed_event>& events);
  void take_field(std::string_view name, std::string_view value);

  std::string line_;
  streamed_event event_;
  bool has_data_ = false;
  bool at_start_ = true;
  /// The last byte was a carriage return: a line feed behind it ends no second line.
  bool after_return_ = false;
};

} // namespace troupe
