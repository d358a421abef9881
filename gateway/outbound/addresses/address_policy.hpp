#pragma once

#include "gateway/outbound/addresses/target.hpp"

#include <boost/asio/ip/address.hpp>

#include <optional>
#include <string>
#include <vector>

/// Which targets may be called. Bots and tools are written by people who may reach this
/// server but not what stands beside it, so that by default only the public internet
/// is open to them.
namespace troupe {

/// True for an address that the whole internet reaches at the same place: none that is
/// loopback, private, link-local, shared (RFC 6598), multicast, reserved or for
/// documentation (RFC 6890), and none that stands for such an IPv4 address (mapped,
/// compatible, translated, NAT64, 6to4).
bool is_public(const boost::asio::ip::address& address) noexcept;

class address_policy {
public:
  /// Entries are as `parse_host_and_port` reads them, without a port for every port;
  /// `*` stands for every host. What is none of these allows nothing.
  explicit address_policy(const std::vector<std::string>& allow);

  /// Judges what is known before a name is looked up: the port, an address in the
  /// place of a name, and `localhost`. A refusal is a sentence.
  [[nodiscard]] std::optional<std::string> judge(const outbound_target& target) const;

  /// True if the target may be called at this address, which its name was resolved to.
  [[nodiscard]] bool allows(const outbound_target& target, const boost::asio::ip::address& address) const;

  /// The sentence for a target with no address that may be called.
  [[nodiscard]] static std::string refusal(const outbound_target& target);

private:
  [[nodiscard]] bool lists(const outbound_target& target) const noexcept;

  std::vector<host_and_port> allowed_;
};

} // namespace troupe
