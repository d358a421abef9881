#pragma once

#include "persistence/values/uuid.hpp"

#include <chrono>
#include <optional>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Which nodes are told that there is work that this one cannot take: those with
/// capacity left, the one with the most first, and none more often than every few
/// milliseconds, since one claim takes many tasks. Pure; time is passed in.
class wake_policy {
public:
  using time = std::chrono::steady_clock::time_point;

  /// One node is told at most this often.
  static constexpr std::chrono::milliseconds interval{5};

  /// How many more tasks a node can take, by its own last word.
  void update(const uuid& node, int free);
  void remove(const uuid& node) { nodes_.erase(node); }

  /// There is work, maybe much of it: who is told now. Whoever was told just before
  /// is told again later, see `next`.
  std::vector<uuid> work_left(bool much, time now);

  /// When somebody is to be told who was not told at once; nothing if nobody is.
  [[nodiscard]] std::optional<time> next() const;
  /// Those whose turn it is.
  std::vector<uuid> due(time now);

private:
  struct entry {
    int free = 0;
    time last = time::min();
    /// Told too lately to be told again, and there is more work.
    bool owed = false;

    [[nodiscard]] time ready_at() const { return last == time::min() ? last : last + interval; }
  };

  /// The one with the most capacity left among those that `wanted` names.
  template <class F>
  std::unordered_map<uuid, entry>::iterator best(F wanted);

  std::unordered_map<uuid, entry> nodes_;
};

} // namespace troupe
