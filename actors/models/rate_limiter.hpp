#pragma once

#include "persistence/records.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

/// What one node may ask of a model, and when. Pure: the time is passed in.
///
/// A bucket each for requests and tokens holds at most what a minute allows, and is
/// refilled steadily. It starts with a tenth of that (at least one request), so that a
/// start is not followed by a minute's worth at once. Tokens are taken as estimated
/// before a call, and settled when it is known what it took: the bucket may go below
/// zero by that, which delays the calls after. A call that no full bucket could pay for
/// is let through when the bucket is full.
///
/// A pause is what the provider asked for. When it is over, calls are let through one,
/// then two, then four at a time, doubling with each that succeeds, until more than 64
/// might be: a provider that still refuses sees one call and not all who waited.
namespace troupe {

class rate_limiter {
public:
  using clock_time = std::chrono::steady_clock::time_point;

  /// `shares`: so many nodes share the limits evenly; each may always have one call.
  explicit rate_limiter(model_limits limits, int shares = 1);

  void set_shares(int shares);

  /// Whether a call of so many tokens may be made now; taken if so.
  bool take(std::int64_t tokens, clock_time now);

  /// When to ask again after `take` was refused; nullopt if only the end of a call
  /// can change anything.
  [[nodiscard]] std::optional<clock_time> next_chance(std::int64_t tokens, clock_time now) const;

  enum class outcome : std::uint8_t { succeeded, failed, throttled };

  /// A call has ended that was taken for `estimated` tokens and took `used`.
  void settle(std::int64_t estimated, std::int64_t used, outcome how, clock_time now);

  /// Nobody may call before `until`; a shorter pause changes nothing.
  void pause(clock_time until);

  [[nodiscard]] std::optional<clock_time> paused_until(clock_time now) const;
  [[nodiscard]] int active() const noexcept { return active_; }
  /// What is left in the buckets; none where there is no limit.
  [[nodiscard]] std::optional<std::int64_t> requests_left(clock_time now) const;
  [[nodiscard]] std::optional<std::int64_t> tokens_left(clock_time now) const;

private:
  /// A node's share of a limit. Counts for all nodes together, in whole numbers, so that
  /// nothing is lost to rounding: an amount counts once for each share, and in parts as
  /// small as what a limit of one a minute refills in a microsecond.
  class bucket {
  public:
    /// Starts with a tenth, and at least `least`.
    bucket(std::int64_t per_minute, std::int64_t least, int shares);

    void set_shares(int shares);
    void refill(clock_time now);
    /// As of the last refill.
    [[nodiscard]] bool has(std::int64_t amount) const;
    /// When it has that if nothing is taken.
    [[nodiscard]] clock_time has_at(std::int64_t amount, clock_time now) const;
    /// Takes of what was there at the last refill, as `give_back` adds to it.
    void take(std::int64_t amount);
    void give_back(std::int64_t amount);
    /// Rounded down.
    [[nodiscard]] std::int64_t left(clock_time now) const;

  private:
    [[nodiscard]] std::int64_t capacity() const;
    [[nodiscard]] std::int64_t parts(std::int64_t amount) const;

    std::int64_t per_minute_;
    int shares_;
    std::int64_t level_;
    /// When `level_` was right; none before the first refill.
    std::optional<clock_time> since_;
  };

  /// How many calls may be active; nullopt for any number.
  [[nodiscard]] std::optional<int> most_active() const;

  std::optional<int> concurrency_;
  int shares_ = 1;
  std::optional<bucket> requests_;
  std::optional<bucket> tokens_;
  std::optional<clock_time> paused_until_;
  /// At most so many calls at once, after a pause; 0 for any number.
  int slow_start_ = 0;
  int active_ = 0;
};

} // namespace troupe
