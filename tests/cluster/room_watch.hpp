#pragma once

#include "tests/cluster/gateway_directory.hpp"
#include "tests/e2e/stream_clients.hpp"
#include "tests/judge/judge_rules.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

/// A subscriber of one room, as the API asks its clients to be: it remembers the cursor
/// of the last event, and when its connection is lost, or says nothing even when asked, it
/// goes on behind that cursor at another gateway. It keeps what it has seen.
namespace troupe {

/// By task, in the order of arrival.
using seen_events = std::map<std::string, std::vector<seen_event>>;

class room_watch {
public:
  /// `room` as in a `subscribe` frame. A task's room is followed from the task's first
  /// event, others from the first connection on.
  room_watch(const gateway_directory& directory, std::string room, std::uint64_t seed);

  /// Follows the room, over as many connections as it takes, until `done`.
  void follow(const std::function<bool()>& done);

  [[nodiscard]] const std::string& room() const noexcept { return room_; }

  // -- what it has seen; any thread -------------------------------------------------

  [[nodiscard]] bool has_joined() const;
  [[nodiscard]] bool has_seen_end_of(const std::string& task_id) const;
  [[nodiscard]] seen_events seen() const;
  [[nodiscard]] std::size_t connections() const;
  /// What a subscriber must not be told, one sentence each.
  [[nodiscard]] std::vector<std::string> complaints() const;

private:
  void read(std::uint16_t port, const std::function<bool()>& done);
  [[nodiscard]] std::string door() const;
  void take(const json& frame);

  const gateway_directory& directory_;
  std::string room_;
  std::mt19937_64 random_;
  std::uint16_t port_ = 0;
  std::string cursor_;
  mutable std::mutex mutex_;
  bool joined_ = false;
  std::size_t connections_ = 0;
  /// Of the connection.
  std::size_t frames_ = 0;
  seen_events seen_;
  std::vector<std::string> complaints_;
};

} // namespace troupe
