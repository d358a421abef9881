#pragma once

#include "tests/bench/sockets.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace troupe {

/// A model of kind openai that streams the words `1 2 3 … n` at a pace finer than
/// a scripted provider's, and notes when each has left. One client at a time, on one
/// thread; it ends once that client has gone.
class stamped_provider {
public:
  using clock = std::chrono::steady_clock;

  stamped_provider(std::size_t words, std::chrono::milliseconds pace);
  ~stamped_provider();

  stamped_provider(const stamped_provider&) = delete;
  stamped_provider& operator=(const stamped_provider&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1"; }

  /// When each word of the latest stream was given to its socket.
  [[nodiscard]] std::vector<clock::time_point> sent() const;

private:
  void serve();
  void stream_to(int socket);

  std::size_t words_;
  std::chrono::milliseconds pace_;
  descriptor listener_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<clock::time_point> sent_;
  std::thread thread_;
};

} // namespace troupe
