#include "gateway/requests/event_stream_head.hpp"

#include <algorithm>

namespace troupe {

namespace {

/// For refusals that say nothing of it.
constexpr std::chrono::seconds usual_wait{2};

} // namespace

http_response event_stream_head() {
  return {200, "text/event-stream", ": journal\n\n", {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}}};
}

bool time_cures(problem_code code) noexcept {
  // Whoever answers with `internal` has died, and is started again.
  return code == problem_code::unavailable || code == problem_code::store_unavailable || code == problem_code::internal;
}

http_response ask_to_reconnect(const problem& reason) {
  const std::chrono::milliseconds wait = reason.retry_after.value_or(usual_wait);
  // A comment is one line.
  auto comment = reason.detail;
  std::replace_if(
    comment.begin(), comment.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  auto response = event_stream_head();
  response.body = "retry: " + std::to_string(wait.count()) + "\n: " + comment + "\n\n";
  return response;
}

} // namespace troupe
