#pragma once

#include "tests/bench/sockets.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// WebSocket clients of one room on one thread, which look at a frame's length and
/// no further unless they are asked to.
class subscribers {
public:
  /// Connects to `/api/v1/events`, joins `room`, and returns once all have joined.
  subscribers(std::uint16_t port, std::size_t count, const std::string& room);

  struct result {
    std::size_t frames = 0;
    std::size_t bytes = 0;
  };

  /// Reads until every subscriber has received `each` frames.
  result receive(std::size_t each);

  /// Reads the first subscriber only, until a frame for which `last` holds.
  void receive_until(const std::function<bool(std::string_view frame)>& last);

private:
  struct subscriber {
    descriptor socket;
    std::string received;
    std::size_t frames = 0;
  };

  /// Takes whole frames from the front of what was received.
  static std::size_t take_frames(subscriber& s, const std::function<void(std::string_view frame)>& on_frame);

  std::vector<subscriber> subscribers_;
  descriptor poll_;
};

} // namespace troupe
