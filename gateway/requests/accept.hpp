#pragma once

#include "gateway/requests/transport.hpp"

#include <string_view>
#include <vector>

/// What a client says it can read (RFC 9110, section 12.5.1).
namespace troupe {

/// How much a client wants a media type.
struct media_wish {
  /// In thousandths; 0: it does not want it.
  int weight = 0;
  /// It is named itself, and not only by a range such as `text/*`.
  bool by_name = false;
};

/// What the lines of a request's `Accept` say of `type`, which is in small letters and
/// has no parameters. The range that names it most precisely counts; no line wants
/// everything alike. Types are compared without regard to case; parameters other than
/// the weight make no difference, as there is one form of each type here; an element
/// that breaks the grammar says nothing.
media_wish wish_for(const std::vector<std::string_view>& accept, std::string_view type);

/// True if `Accept` asks for server-sent events rather than for JSON: it wants them more,
/// or as much and by name.
bool asks_for_events(const std::vector<std::string_view>& accept);

/// True for a request that is answered with a stream of events: a GET of a task's journal
/// that asks for it.
bool is_event_stream_request(const http_request& request);

} // namespace troupe
