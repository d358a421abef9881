#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace troupe {

/// What a client prefers about a long answer (RFC 7240, sections 4.1 and 4.3).
/// Unknown or malformed preferences are ignored, as section 2 asks.
struct preferences {
  bool respond_async = false;
  /// At most an hour.
  std::optional<std::chrono::seconds> wait;
};

preferences read_preferences(std::string_view header);

} // namespace troupe
