#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

namespace troupe {

/// What a client prefers about a long answer (RFC 7240, sections 4.1 and 4.3).
/// Unknown or malformed preferences are ignored, and of one that is given twice the first
/// counts, as section 2 asks.
struct preferences {
  bool respond_async = false;
  /// At most an hour.
  std::optional<std::chrono::seconds> wait;
};

/// From the values of all lines of `Prefer`.
preferences read_preferences(const std::vector<std::string_view>& lines);

} // namespace troupe
