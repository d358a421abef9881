#pragma once

#include "actors/messages.hpp"

#include <cstddef>
#include <deque>
#include <unordered_set>

/// What has turned out to be long though it might not be: tasks, and the next events of
/// rooms. Whatever is asked about it again is read and written like a page, and nobody with
/// a short question waits for it. That is so for a task's outline too: SQLite reads long rows
/// of `tasks` whole to find the one it looks for. Forgets the oldest. Pure.
namespace troupe {

class long_records {
public:
  /// In bytes.
  static constexpr std::size_t long_from = std::size_t{32} * 1024;

  template <class Question>
  void note(const Question& what, std::size_t bytes) {
    if (bytes >= long_from)
      add(key_of(what));
  }
  template <class Question>
  [[nodiscard]] bool contains(const Question& what) const {
    return known_.contains(key_of(what));
  }

private:
  /// A task is one with the thread that it has begun. Others that share a key are taken for
  /// one by accident: at worst a short one waits among the long.
  using key = std::size_t;

  static constexpr std::size_t most_known = 4096;

  static key key_of(const room& where) noexcept;
  static key key_of(const get_task& what) noexcept { return key_of(room{room::kind::task, what.id, {}}); }
  static key key_of(const get_outline& what) noexcept { return key_of(room{room::kind::task, what.task_id, {}}); }
  static key key_of(const get_room_start& what) noexcept { return key_of(what.where); }
  static key key_of(const get_room_events& what) noexcept { return key_of(what.resolved); }

  void add(key one);

  std::unordered_set<key> known_;
  /// From the oldest on.
  std::deque<key> order_;
};

} // namespace troupe
