#include "gateway/requests/own_addresses.hpp"

#include <algorithm>
#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <netinet/in.h>
#include <sys/socket.h>

namespace troupe {

namespace {

namespace ip = boost::asio::ip;

/// Strangers name addresses that are not here as often as they like; the system is asked
/// no more often than this.
constexpr std::chrono::seconds between_questions{1};

/// Without the zone of an IPv6 address, which no Host field names.
ip::address address_of(const sockaddr& socket) {
  if (socket.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &socket, sizeof v4);
    return ip::address_v4{ntohl(v4.sin_addr.s_addr)};
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &socket, sizeof v6);
  ip::address_v6::bytes_type bytes{};
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return ip::address_v6{bytes};
}

std::vector<ip::address> addresses_of_interfaces() {
  std::vector<ip::address> found;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0)
    return found;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner{list, ::freeifaddrs};
  for (const auto* each = list; each != nullptr; each = each->ifa_next) {
    const auto* socket = each->ifa_addr;
    if (socket != nullptr && (socket->sa_family == AF_INET || socket->sa_family == AF_INET6))
      found.push_back(address_of(*socket));
  }
  return found;
}

ip::address plain(const ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

} // namespace

bool own_addresses::contains(const ip::address& address) {
  const auto wanted = plain(address);
  if (wanted.is_loopback())
    return true;
  if (wanted.is_unspecified())
    return false;
  const std::lock_guard lock{mutex_};
  const auto now = std::chrono::steady_clock::now();
  if (known_.empty() || now - asked_at_ >= between_questions) {
    known_ = addresses_of_interfaces();
    asked_at_ = now;
  }
  return std::find(known_.begin(), known_.end(), wanted) != known_.end();
}

} // namespace troupe
