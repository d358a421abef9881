#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

/// Keeps calls from a provider that is down, so that tasks fail fast, or go to a
/// fallback, instead of waiting for its timeouts. Pure: the time is passed in.
///
/// Closed, it lets everything through. `threshold` transient failures in a row open it
/// for `rest`; then it is half open and lets one call through at a time: its success
/// closes the breaker, its failure opens it for twice as long, at most `longest_rest`.
/// Throttling and permanent failures count as answers: the provider is there.
namespace troupe {

class circuit_breaker {
public:
  using clock_time = std::chrono::steady_clock::time_point;

  enum class state : std::uint8_t { closed, open, half_open };

  static constexpr int threshold = 5;
  static constexpr std::chrono::seconds rest{5};
  static constexpr std::chrono::seconds longest_rest{60};

  [[nodiscard]] state current(clock_time now) const noexcept;

  /// Whether a call may be made; one that may in half-open state is the trial.
  bool allow(clock_time now) noexcept;

  /// A call has ended, or was given up by whoever made it (`abandoned`), which says
  /// nothing about the provider.
  void succeeded() noexcept;
  void failed(clock_time now) noexcept;
  void abandoned() noexcept;

  /// When it is half open again; nothing unless open.
  [[nodiscard]] std::optional<clock_time> opens_at(clock_time now) const noexcept;

private:
  int failures_ = 0;
  bool trial_ = false;
  std::optional<clock_time> open_until_;
  std::chrono::seconds rest_ = rest;
};

/// `closed`, `open`, `half_open`.
std::string_view to_string(circuit_breaker::state state) noexcept;

} // namespace troupe
