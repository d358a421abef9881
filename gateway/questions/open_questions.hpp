#pragma once

#include "persistence/operations.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>

/// What was asked of an actor and is not answered yet. A request of CAF's own with a time
/// limit keeps that limit in the system's clock until it is over, also once it is answered:
/// at ten thousand requests a second that is a hundred megabytes. So the time of all
/// questions is kept here, and looked at now and then. Knows no actor itself.
///
/// A writer that has lost its database holds what it was asked to commit until the
/// database is back, since the commit may be on disk: its client is not kept waiting as
/// long, but told that nobody knows.
namespace troupe {

class open_questions {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using refusal = std::function<void(const store_error&)>;

  /// Notes a question that was asked `at`, no earlier than those before it; gives its
  /// number.
  std::uint64_t add(time_point at, refusal on_refusal);

  /// The answer has come. False if it was refused meanwhile, and nobody waits.
  bool close(std::uint64_t number);

  /// The number that the next question will have.
  [[nodiscard]] std::uint64_t next_number() const noexcept { return last_ + 1; }
  [[nodiscard]] bool is_open(std::uint64_t number) const { return open_.contains(number); }

  /// Refuses whatever was asked before `at`.
  void refuse_before(time_point at, const store_error& why);

private:
  struct question {
    time_point asked;
    refusal on_refusal;
  };
  std::map<std::uint64_t, question> open_;
  std::uint64_t last_ = 0;
};

/// For what may have changed something all the same.
store_error nobody_knows();

} // namespace troupe
