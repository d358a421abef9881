#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace troupe {

/// Puts the commits of several writers, which arrive in any order, back into the
/// order of their positions. A commit covers the positions behind `from` up to and
/// with `to`, and the next one begins where it ended, so a commit is passed on once
/// all before it were. One that does not come (its node died, its link broke, its
/// positions were rolled back) is waited for only so long, then it is missed and the
/// others go on. Whatever is missed is in the store by then, since something behind
/// it is. `Payload` is whatever comes with a commit. Pure; time is passed in.
template <class Payload>
class commit_order {
public:
  using time = std::chrono::steady_clock::time_point;

  /// Commits that are kept until it is known where to begin.
  static constexpr std::size_t most_before_start = 1000;

  /// `patience` is how long a missing commit is waited for, from when a later one
  /// was heard of.
  explicit commit_order(std::chrono::milliseconds patience) : patience_{patience} {}

  [[nodiscard]] bool started() const noexcept { return position_.has_value(); }

  /// Everything behind `position` is to be passed on; what has been added before may
  /// be, now.
  std::vector<Payload> start(std::int64_t position) {
    position_ = position;
    return take();
  }

  /// Forgets everything.
  void stop() {
    position_.reset();
    waiting_.clear();
  }

  /// A commit was heard of; those that are to be passed on now, in order. One that
  /// comes after it was given up is dropped.
  std::vector<Payload> add(std::int64_t from, std::int64_t to, Payload payload, time now) {
    // Nobody says where to begin: what is dropped here will be missed then, as a gap.
    if (!started() && waiting_.size() >= most_before_start)
      waiting_.clear();
    waiting_.emplace(from, entry{to, now, std::move(payload)});
    return started() ? take() : std::vector<Payload>{};
  }

  /// The store has commits up to `position`: any that do not come are missed.
  std::vector<Payload> expect(std::int64_t position, time now) {
    if (position_ && position > *position_)
      waiting_.emplace(position, entry{position, now, std::nullopt});
    return started() ? take() : std::vector<Payload>{};
  }

  /// When the commit that is missing will be given up; nothing if none is missing.
  [[nodiscard]] std::optional<time> deadline() const {
    if (!started() || waiting_.empty())
      return std::nullopt;
    return first_heard() + patience_;
  }

  struct skipped {
    /// At least one commit was given up.
    bool missed = false;
    /// What was waiting for it.
    std::vector<Payload> next;
  };

  /// Gives up what is missing if it is overdue, and then all that is missing: whoever
  /// has to look into the store finds the rest there too.
  skipped skip(time now) {
    skipped result;
    const auto due = deadline();
    if (!due || *due > now)
      return result;
    result.missed = true;
    while (!waiting_.empty()) {
      position_ = std::max(*position_, waiting_.begin()->first);
      auto next = take();
      std::move(next.begin(), next.end(), std::back_inserter(result.next));
    }
    return result;
  }

  void set_patience(std::chrono::milliseconds patience) noexcept { patience_ = patience; }

private:
  struct entry {
    std::int64_t to = 0;
    time heard{};
    /// None if the position is only known to exist.
    std::optional<Payload> payload;
  };

  /// Since when the first gap is known: the earliest word of anything behind it.
  [[nodiscard]] time first_heard() const {
    auto earliest = waiting_.begin()->second.heard;
    for (const auto& [from, one] : waiting_)
      earliest = std::min(earliest, one.heard);
    return earliest;
  }

  std::vector<Payload> take() {
    std::vector<Payload> ready;
    while (!waiting_.empty() && waiting_.begin()->first <= *position_) {
      auto& first = waiting_.begin()->second;
      if (first.to > *position_) {
        position_ = first.to;
        if (first.payload)
          ready.push_back(std::move(*first.payload));
      }
      waiting_.erase(waiting_.begin());
    }
    return ready;
  }

  std::chrono::milliseconds patience_;
  /// Everything up to here was passed on or missed.
  std::optional<std::int64_t> position_;
  /// By `from`, those behind a gap.
  std::multimap<std::int64_t, entry> waiting_;
};

} // namespace troupe
