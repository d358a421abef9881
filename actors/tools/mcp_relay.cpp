#include "actors/tools/mcp_relay.hpp"

#include "actors/providers/provider.hpp"
#include "actors/remote/foreign_text.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

/// What one exchange may bring besides its answer. A stream that stays open brings few.
constexpr int most_told = 1000;
constexpr std::size_t longest_excerpt = 4000;

bool is_event_stream(std::string_view type) {
  constexpr std::string_view wanted = "text/event-stream";
  return type.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), type.begin(), [](char a, char b) {
           return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
         });
}

} // namespace

mcp_relay::mcp_relay(mcp_server_actor whom, std::uint64_t exchange, std::optional<std::int64_t> id, bool listens)
  : whom_{std::move(whom)}, id_{id}, exchange_{exchange}, listens_{listens} {}

void mcp_relay::on_head(outbound_head head) {
  const bool is_good = head.status / 100 == 2;
  if (is_good && is_event_stream(head.header("content-type")))
    kind_ = first_bytes_of::stream;
  else if (!is_good)
    kind_ = first_bytes_of::body;
  answer_.streamed = kind_ == first_bytes_of::stream;
  answer_.head = std::move(head);
  // There is nothing to wait for behind a notification, and some servers never end what they send there.
  if (is_good && !id_ && !listens_)
    pass();
}

bool mcp_relay::on_data(std::string_view part) {
  if (passed_)
    return false;
  // Nobody knows what is a sign of life and what is an answer on its way.
  if (kind_ == first_bytes_of::stream) {
    read_stream(part);
    return true;
  }
  if (part.size() > longest_mcp_message - body_.size()) {
    too_long();
    return true;
  }
  body_ += part;
  if (kind_ != first_bytes_of::unknown)
    return true;
  // Some servers stream without saying so.
  kind_ = first_bytes(body_);
  answer_.streamed = kind_ == first_bytes_of::stream;
  if (answer_.streamed)
    read_stream(std::exchange(body_, {}));
  return true;
}

void mcp_relay::read_stream(std::string_view part) {
  std::vector<sse_event> events;
  const bool is_readable = parser_.read(part, events);
  read_events(events);
  if (!is_readable)
    too_long();
}

void mcp_relay::on_end() {
  if (answer_.streamed) {
    std::vector<sse_event> last;
    parser_.finish(last);
    read_events(last);
  } else if (body_.find_first_not_of(" \t\r\n") != body_.npos) {
    for (auto& message : mcp::read_all(body_))
      take(std::move(message));
    if (!answer_.answered)
      answer_.answered = std::move(stray_);
    if (!answer_.answered)
      answer_.body = foreign::excerpt(std::string_view{body_}.substr(0, longest_excerpt), longest_excerpt);
  }
  pass();
}

void mcp_relay::on_failure(outbound_failure failure) {
  answer_.failure = std::move(failure);
  pass();
}

void mcp_relay::read_events(const std::vector<sse_event>& events) {
  for (const auto& event : events) {
    if (event.name == "endpoint" && !passed_) {
      on_failure(
        {outbound_errc::refused,
         "The MCP server speaks HTTP+SSE, the transport of revision 2024-11-05, which is not spoken here: give "
         "the address of its streamable HTTP, which often ends with /mcp.",
         true});
      return;
    }
    // The first event of a stream may be there for its id alone.
    if (!event.data.empty())
      for (auto& message : mcp::read_all(event.data))
        take(std::move(message));
  }
}

void mcp_relay::take(mcp::message message) {
  if (passed_)
    return;
  if (auto* response = std::get_if<mcp::response>(&message)) {
    if (!id_)
      return;
    if (!response->answers(*id_)) {
      if (!answer_.streamed && answer_.head.status / 100 == 2)
        stray_ = std::move(*response);
      return;
    }
    answer_.answered = std::move(*response);
    if (answer_.streamed)
      pass();
  } else if (auto* note = std::get_if<mcp::notification>(&message)) {
    // Only what answers a request, or is listened to, may ask: an answer to an answer that asked again would never end.
    if (answer_.head.status / 100 != 2 || !(id_ || listens_))
      return;
    // Progress and log messages are nobody's.
    const bool matters = !note->id.empty() || note->method == "notifications/tools/list_changed"
                         || note->method == "notifications/subscriptions/acknowledged";
    if (matters && ++told_ <= most_told)
      caf::anon_send(whom_, mcp_told{exchange_, std::move(*note)});
  }
}

void mcp_relay::too_long() {
  on_failure(
    {outbound_errc::malformed,
     "The MCP server sent a message that is longer than " + std::to_string(longest_mcp_message) + " bytes (4 MiB).",
     true});
}

void mcp_relay::pass() {
  if (std::exchange(passed_, true))
    return;
  answer_.last_event_id = parser_.last_event_id();
  answer_.reconnect_after = parser_.reconnect_after();
  caf::anon_send(whom_, mcp_answered{exchange_, std::move(answer_)});
}

} // namespace troupe
