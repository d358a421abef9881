#pragma once

#include "persistence/operations.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// Collects a streamed answer and decides when what has come is worth a journal
/// entry: at once for the first text, then at most once in `interval` (design §6:
/// one commit per task every 50 ms). Pure; the time is passed in.
class answer_stream {
public:
  using clock_time = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::milliseconds interval{50};

  /// `type` is that of its chunks: `chat:chunk`, or `chat:thinking`.
  explicit answer_stream(event_type type = event_type::chat_chunk) : type_{type} {}

  /// Takes text in. Returns how long to wait until `take_chunk` should be called
  /// (zero: now), or nullopt if somebody was told to wait already.
  std::optional<std::chrono::milliseconds> add(std::string_view text, clock_time now);

  /// What has come since the last chunk, as a `chat:chunk` with its offset in
  /// Unicode code points; nullopt if nothing has.
  std::optional<new_event> take_chunk(clock_time now);

  /// Everything that has come.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
  event_type type_;
  std::string text_;
  /// Bytes, and code points, that are in chunks.
  std::size_t taken_ = 0;
  std::size_t taken_points_ = 0;
  std::optional<clock_time> last_chunk_;
  bool waiting_ = false;
};

} // namespace troupe
