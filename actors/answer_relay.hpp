#pragma once

#include "actors/messages.hpp"
#include "actors/remote/outbound.hpp"
#include "actors/remote/sse.hpp"

#include <caf/send.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Passes what an outbound call brings on to the actor that made it: events as they
/// come, or a body as a whole. The parser runs here, on the outbound client's thread,
/// so that an actor is woken for what matters alone.
namespace troupe {

/// With `Streams`, an answer with a good status that is a stream of events is passed on
/// event by event. What it is, its first bytes say: servers send streams under no type at
/// all (openai-api-mock 0.4.0), as `text/plain`, in other letter cases (RFC 9110, section
/// 8.3.1), and errors under the type of a stream.
template <class Handle, bool Streams>
class answer_relay final : public outbound_listener {
public:
  explicit answer_relay(Handle whom) : whom_{std::move(whom)} {}

  void on_head(outbound_head head) override {
    undecided_ = Streams && head.status / 100 == 2;
    head_ = std::move(head);
  }

  bool on_data(std::string_view part) override {
    if (streams_)
      return pass_events(part);
    body_ += part;
    if (!undecided_ || !decide())
      return true;
    return pass_events(std::exchange(body_, {}));
  }

  void on_end() override {
    if (streams_) {
      std::vector<sse_event> last;
      parser_.finish(last);
      send(std::move(last));
    }
    if (!std::exchange(over_, true))
      caf::anon_send(whom_, answer_ended{std::move(head_), std::move(body_), streams_});
  }

  void on_failure(outbound_failure failure) override {
    if (!std::exchange(over_, true))
      caf::anon_send(whom_, answer_failed{std::move(failure)});
  }

private:
  /// True once it is a stream for certain.
  bool decide() {
    const auto kind = first_bytes(body_);
    if (kind == first_bytes_of::unknown)
      return false;
    undecided_ = false;
    streams_ = kind == first_bytes_of::stream;
    if (streams_)
      head_to_tell_ = head_;
    return streams_;
  }

  bool pass_events(std::string_view part) {
    std::vector<sse_event> events;
    if (!parser_.read(part, events))
      on_failure({outbound_errc::malformed, "The answer's event stream is malformed.", true});
    const bool progress = !events.empty();
    send(std::move(events));
    return progress;
  }

  void send(std::vector<sse_event> events) {
    if constexpr (Streams) {
      if (!events.empty() && !over_)
        caf::anon_send(whom_, answer_arrived{std::move(events), std::exchange(head_to_tell_, std::nullopt)});
    }
  }

  Handle whom_;
  bool streams_ = false;
  /// Nothing has come yet that says what it is.
  bool undecided_ = false;
  bool over_ = false;
  sse_parser parser_;
  outbound_head head_;
  std::optional<outbound_head> head_to_tell_;
  std::string body_;
};

} // namespace troupe
