#pragma once

#include "tests/bench/sockets.hpp"

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

/// A proxy in front of one port of the loopback interface that can fail as a network
/// does. One thread and poll(2): it forwards, and while it is cut it does nothing.
namespace troupe {

class tcp_proxy {
public:
  explicit tcp_proxy(std::uint16_t target);
  ~tcp_proxy();

  tcp_proxy(const tcp_proxy&) = delete;
  tcp_proxy& operator=(const tcp_proxy&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  /// From now on nothing comes through, and nobody is told: connections stay open, new
  /// ones are accepted by the system and lead nowhere. What was sent is not lost.
  void cut();

  /// Goes on, with what was held back.
  void heal();

  /// New connections lead to this port from now on.
  void lead_to(std::uint16_t target);

  /// Closes every connection with a reset, and forgets what they held.
  void reset();

  /// How many connections there are.
  [[nodiscard]] std::size_t connections();

private:
  /// One direction of a connection.
  struct lane {
    std::string held;
    /// Its source has said all.
    bool ended = false;
    /// Its sink knows that.
    bool closed = false;
  };

  /// `ends[0]` is the client's; `lanes[i]` leads from `ends[i]` to the other.
  struct connection {
    std::array<descriptor, 2> ends;
    std::array<lane, 2> lanes;
    bool broken = false;
  };

  void run();
  void wait_for_traffic();
  void accept_clients();
  static void forward(connection& c);
  void wake();

  std::uint16_t target_;
  std::uint16_t port_ = 0;
  descriptor listener_;
  descriptor wake_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool cut_ = false;
  bool reset_wanted_ = false;
  bool stopped_ = false;
  std::vector<connection> connections_;
  std::thread thread_;
};

} // namespace troupe
