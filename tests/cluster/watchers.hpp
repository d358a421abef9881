#pragma once

#include "tests/cluster/history.hpp"
#include "tests/cluster/room_watch.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

/// The subscribers of a run, each on a thread of its own: some who stay in one wide room
/// from the beginning to the end, and some who follow one task after another.
namespace troupe {

/// What one subscriber saw.
struct room_view {
  std::string room;
  seen_events seen;
  std::vector<std::string> complaints;
  std::size_t connections = 0;
};

class watchers {
public:
  /// Those of `rooms` join at once; `followers` follow tasks of `record` as they come.
  watchers(const gateway_directory& directory, const history& record, const std::vector<std::string>& rooms,
           unsigned followers, std::uint64_t seed);
  ~watchers();

  watchers(const watchers&) = delete;
  watchers& operator=(const watchers&) = delete;

  [[nodiscard]] bool have_joined() const;

  /// Everybody in a wide room who would hear of this task has seen it end.
  [[nodiscard]] bool have_seen_end_of(const std::string& task_id, const std::string& created_by) const;

  /// Ends them, and says what each saw. A follower's view is of one task.
  std::vector<room_view> stop();

private:
  void follow_tasks(const gateway_directory& directory, const history& record, std::uint64_t seed);

  std::atomic<bool> stopped_{false};
  std::vector<std::unique_ptr<room_watch>> rooms_;
  std::mutex mutex_;
  std::vector<room_view> followed_;
  std::vector<std::thread> threads_;
};

} // namespace troupe
