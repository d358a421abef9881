#pragma once

#include "persistence/values/time.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <vector>

/// Simulated time and chance: what happens when, one thing at a time, in an order that the seed decides. The same
/// seed gives the same run.
namespace troupe {

/// Something that has work of its own: a process.
class machine {
public:
  virtual ~machine() = default;

  /// It has something to do now.
  [[nodiscard]] virtual bool has_work() = 0;
  /// Does one thing; `choice` decides which.
  virtual void work(std::uint64_t choice) = 0;
  /// When it next has something to do by itself.
  [[nodiscard]] virtual std::optional<std::chrono::steady_clock::time_point> next_alarm() = 0;
  /// The time is `now`: what was due is to be done.
  virtual void advance_to(std::chrono::steady_clock::time_point now) = 0;
};

class world {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::microseconds;

  explicit world(std::uint64_t seed) : random_{seed} {}

  // -- time -----------------------------------------------------------------------

  [[nodiscard]] time_point steady() const noexcept { return now_; }
  [[nodiscard]] duration elapsed() const noexcept { return std::chrono::duration_cast<duration>(now_ - time_point{}); }
  /// As a clock on the wall that is right.
  [[nodiscard]] timestamp now() const noexcept { return epoch + elapsed(); }

  /// Has `what` done after a while; of two at the same time the one that was asked for first.
  void after(duration wait, std::function<void()> what);
  /// Whatever is still to come does not.
  void forget() { events_ = {}; }
  /// Everything that happens in the next while.
  void run_for(duration length);
  /// The same, for as long as `goes_on`, which is asked whenever time passes.
  void run_for(duration length, const std::function<bool()>& goes_on);

  // -- chance ---------------------------------------------------------------------

  std::uint64_t random() { return random_(); }
  /// Below `bound`.
  std::uint64_t random_below(std::uint64_t bound) { return bound == 0 ? 0 : random_() % bound; }
  duration random_between(duration least, duration most) {
    return least
           + duration{static_cast<std::int64_t>(random_below(static_cast<std::uint64_t>((most - least).count() + 1)))};
  }

  // -- machines -------------------------------------------------------------------

  void add(machine* one) { machines_.push_back(one); }
  void remove(machine* one) { std::erase(machines_, one); }

  /// Steps of machines and events so far, and a digest of their order: equal for equal runs.
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
  [[nodiscard]] std::uint64_t digest() const noexcept { return digest_; }

private:
  static constexpr timestamp epoch{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}.time_since_epoch()};

  struct event {
    time_point at;
    std::uint64_t number = 0;
    std::function<void()> what;
  };
  struct later {
    bool operator()(const event& a, const event& b) const noexcept {
      return a.at != b.at ? a.at > b.at : a.number > b.number;
    }
  };

  bool work_once();
  void note(std::uint64_t what) noexcept { digest_ = (digest_ ^ what) * 0x100000001b3ULL; }

  time_point now_{};
  std::mt19937_64 random_;
  std::priority_queue<event, std::vector<event>, later> events_;
  std::uint64_t last_number_ = 0;
  std::vector<machine*> machines_;
  std::uint64_t steps_ = 0;
  std::uint64_t digest_ = 0xcbf29ce484222325ULL;
};

} // namespace troupe
