#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

namespace troupe {

/// How many calls may be under way, and how many may wait for that.
struct call_bounds {
  std::size_t sum = 0;
  /// At one host and port.
  std::size_t per_target = 0;
  std::size_t waiting = 0;
  std::size_t waiting_per_target = 0;
};

/// Whose turn it is: calls begin at once while there is room, else they wait, and targets
/// take turns, so that one that is slow, or asked for much, delays no other. Pure; time is
/// its user's. A call counts from `begins`, or from `next`, until it leaves.
class call_queue {
public:
  enum class verdict : std::uint8_t { begins, waits, full };

  explicit call_queue(const call_bounds& bounds) : bounds_{bounds} {}

  verdict enter(std::uint64_t call, const std::string& target);
  /// Whether it waited or was under way; unknown ones are passed over.
  void leave(std::uint64_t call);
  /// A call that waited and has room now.
  std::optional<std::uint64_t> next();

  [[nodiscard]] std::size_t running() const noexcept { return running_; }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }

private:
  struct lane {
    std::deque<std::uint64_t> waiting;
    std::size_t running = 0;
  };
  struct place {
    std::string target;
    bool running = false;
  };

  [[nodiscard]] bool has_room(const lane& where) const noexcept;
  void start(std::uint64_t call, lane& where);
  void drop_if_unused(const std::string& target);

  call_bounds bounds_;
  std::size_t running_ = 0;
  std::size_t waiting_ = 0;
  std::unordered_map<std::string, lane> lanes_;
  std::unordered_map<std::uint64_t, place> calls_;
  /// Targets with calls that wait, the one whose turn is next in front.
  std::deque<std::string> turns_;
};

} // namespace troupe
