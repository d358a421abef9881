#pragma once

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <mutex>
#include <vector>

namespace troupe {

/// The addresses of this host, asked of the system when they are needed. Used by all
/// threads.
class own_addresses {
public:
  /// True for every loopback address, and for one that an interface of this host has, or
  /// had a second ago. An IPv4 address inside of an IPv6 one counts as itself.
  bool contains(const boost::asio::ip::address& address);

private:
  std::mutex mutex_;
  std::vector<boost::asio::ip::address> known_;
  std::chrono::steady_clock::time_point asked_at_{};
};

} // namespace troupe
