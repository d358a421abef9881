#pragma once

#include "persistence/store.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

/// A store that cannot be written for a while: since when, how often so far, and what
/// the log should hear of it. Trouble that comes and goes must not flood the log, and
/// one that stays must not be forgotten in it.
namespace troupe {

class outage {
public:
  using time = std::chrono::steady_clock::time_point;

  /// What is to be said now.
  enum class word : std::uint8_t {
    nothing,
    /// It has begun.
    began,
    /// It goes on; once a minute.
    lasts,
    /// It is over, and its beginning was told.
    ended,
  };

  /// Between two beginnings in the log.
  static constexpr std::chrono::seconds between_beginnings{30};
  static constexpr std::chrono::seconds between_reminders{60};

  // -- the writer's thread alone ----------------------------------------------------

  /// A try has failed.
  word failed(store_trouble why, time now);
  /// A try has succeeded.
  word succeeded(time now);
  /// How long the outage has lasted, or the one that `succeeded` has just ended.
  [[nodiscard]] std::chrono::milliseconds length(time now) const;

  // -- any thread -----------------------------------------------------------------

  [[nodiscard]] bool is_on() const noexcept { return on_; }
  [[nodiscard]] outage_counts counts() const noexcept;

private:
  std::atomic<bool> on_{false};
  std::array<std::atomic<std::uint64_t>, store_troubles> counts_{};
  time began_{};
  bool told_ = false;
  std::optional<time> last_beginning_;
  time last_word_{};
};

} // namespace troupe
