#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Server-sent events (WHATWG HTML, section 9.2) as providers, MCP servers and our own API
/// stream them, read piece by piece however the network cut them. Pure.
namespace troupe {

struct sse_event {
  /// Empty if the stream names none.
  std::string name;
  /// The `data` lines, joined by line feeds.
  std::string data;
  /// The stream's last event id when this event was complete; empty for none.
  std::string id{};

  bool operator==(const sse_event&) const = default;
};

/// What the first bytes of an answer say of the rest.
enum class first_bytes_of : std::uint8_t {
  /// Too few of them.
  unknown,
  /// A field of an event, or a comment.
  stream,
  /// JSON, a page, anything else.
  body,
};
first_bytes_of first_bytes(std::string_view begin) noexcept;

class sse_parser {
public:
  /// Events whose line or data are longer than `max_event` bytes make the stream
  /// malformed.
  explicit sse_parser(std::size_t max_event = std::size_t{1024} * 1024) : max_event_{max_event} {}

  /// Reads on, and appends the events that are complete. Comments are passed over, and so
  /// is an event without data. A byte order mark may stand
  /// first; lines end with LF, CR or CRLF, also when a piece ends between the two.
  /// False once the stream is malformed, for good.
  bool read(std::string_view piece, std::vector<sse_event>& out);

  /// The stream has ended. Providers that end it without the last empty line mean the
  /// event before it: it is appended if it has data.
  void finish(std::vector<sse_event>& out);

  /// Of the last event that had one, also of one without data; empty if there was none.
  [[nodiscard]] const std::string& last_event_id() const noexcept { return last_id_; }
  /// How long the stream asks to wait before it is taken up again.
  [[nodiscard]] std::optional<std::chrono::milliseconds> reconnect_after() const noexcept { return reconnect_after_; }

private:
  void take_line(std::string_view line, std::vector<sse_event>& out);
  void dispatch(std::vector<sse_event>& out);
  void take_retry(std::string_view value);

  std::size_t max_event_;
  std::string line_;
  sse_event event_;
  std::optional<std::string> id_;
  std::string last_id_;
  std::optional<std::chrono::milliseconds> reconnect_after_;
  bool has_data_ = false;
  bool skip_lf_ = false;
  bool at_start_ = true;
  bool malformed_ = false;
};

} // namespace troupe
