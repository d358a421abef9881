#pragma once

#include "persistence/operations.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>

/// What was asked of the store's writing side and is not answered yet. A writer that
/// has lost its database holds what it was asked to commit until the database is back,
/// since the commit may be on disk: its client is not kept waiting as long, but told
/// that nobody knows. One per gateway actor; knows no actor itself.
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

  /// Refuses, as `unavailable`, whatever was asked before `at`.
  void refuse_before(time_point at);

private:
  struct question {
    time_point asked;
    refusal on_refusal;
  };
  std::map<std::uint64_t, question> open_;
  std::uint64_t last_ = 0;
};

} // namespace troupe
