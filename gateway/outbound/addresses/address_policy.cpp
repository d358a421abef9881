#include "gateway/outbound/addresses/address_policy.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace troupe {

namespace {

namespace ip = boost::asio::ip;

struct ipv4_range {
  std::uint32_t first;
  unsigned bits;
};

constexpr std::uint32_t ipv4(unsigned a, unsigned b, unsigned c, unsigned d) noexcept {
  return a << 24U | b << 16U | c << 8U | d;
}

constexpr std::array closed_ipv4{
  ipv4_range{ipv4(0, 0, 0, 0), 8},      ipv4_range{ipv4(10, 0, 0, 0), 8},     ipv4_range{ipv4(100, 64, 0, 0), 10},
  ipv4_range{ipv4(127, 0, 0, 0), 8},    ipv4_range{ipv4(169, 254, 0, 0), 16}, ipv4_range{ipv4(172, 16, 0, 0), 12},
  ipv4_range{ipv4(192, 0, 0, 0), 24},   ipv4_range{ipv4(192, 0, 2, 0), 24},   ipv4_range{ipv4(192, 88, 99, 0), 24},
  ipv4_range{ipv4(192, 168, 0, 0), 16}, ipv4_range{ipv4(198, 18, 0, 0), 15},  ipv4_range{ipv4(198, 51, 100, 0), 24},
  ipv4_range{ipv4(203, 0, 113, 0), 24}, ipv4_range{ipv4(224, 0, 0, 0), 4},    ipv4_range{ipv4(240, 0, 0, 0), 4},
};

bool is_public_ipv4(std::uint32_t address) noexcept {
  return std::none_of(closed_ipv4.begin(), closed_ipv4.end(), [address](const ipv4_range& range) {
    return (address ^ range.first) >> (32U - range.bits) == 0;
  });
}

using ipv6_bytes = ip::address_v6::bytes_type;

/// True if the address begins with these 16-bit groups.
template <class... Groups>
bool begins_with(const ipv6_bytes& bytes, Groups... groups) noexcept {
  std::size_t at = 0;
  return ((bytes[at] == (groups >> 8U) && bytes[at + 1] == (groups & 0xffU) && (at += 2, true)) && ...);
}

bool is_public_ipv4_at(const ipv6_bytes& bytes, std::size_t at) noexcept {
  return is_public_ipv4(ipv4(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]));
}

bool is_public_ipv6(const ipv6_bytes& bytes) noexcept {
  const bool is_mapped = begins_with(bytes, 0U, 0U, 0U, 0U, 0U, 0xffffU);
  const bool is_compatible = begins_with(bytes, 0U, 0U, 0U, 0U, 0U, 0U);
  const bool is_translated = begins_with(bytes, 0U, 0U, 0U, 0U, 0xffffU, 0U);
  const bool is_nat64 = begins_with(bytes, 0x64U, 0xff9bU, 0U, 0U, 0U, 0U);
  if (is_mapped || is_compatible || is_translated || is_nat64)
    return is_public_ipv4_at(bytes, 12);
  if (begins_with(bytes, 0x2002U))
    return is_public_ipv4_at(bytes, 2);
  // RFC 4291, section 2.4: global unicast addresses are assigned from here only.
  const bool is_global = (bytes[0] & 0xe0U) == 0x20U;
  const bool is_documentation = begins_with(bytes, 0x2001U, 0xdb8U) || (begins_with(bytes, 0x3fffU) && bytes[2] < 0x10);
  // Protocols of their own, among them Teredo and benchmarks (2001::/23).
  const bool is_special = begins_with(bytes, 0x2001U) && bytes[2] < 2;
  return is_global && !is_documentation && !is_special;
}

} // namespace

bool is_public(const ip::address& address) noexcept {
  return address.is_v4() ? is_public_ipv4(address.to_v4().to_uint()) : is_public_ipv6(address.to_v6().to_bytes());
}

address_policy::address_policy(const std::vector<std::string>& allow) {
  for (const std::string_view entry : allow) {
    if (entry == "*") {
      allowed_.push_back({std::string{entry}, std::nullopt});
      continue;
    }
    auto read = parse_host_and_port(entry);
    if (auto* place = std::get_if<host_and_port>(&read))
      allowed_.push_back(std::move(*place));
  }
}

bool address_policy::lists(const outbound_target& target) const noexcept {
  return std::any_of(allowed_.begin(), allowed_.end(), [&](const host_and_port& entry) {
    return (entry.host == "*" || entry.host == target.host) && entry.port.value_or(target.port) == target.port;
  });
}

std::optional<std::string> address_policy::judge(const outbound_target& target) const {
  if (lists(target))
    return std::nullopt;
  if (target.port != 80 && target.port != 443)
    return "Port " + std::to_string(target.port) + " of " + target.host
           + " is not open to outbound calls; start the server with --outbound-allow " + target.endpoint()
           + " to allow it.";
  const std::string_view host = target.host;
  bool is_closed = host == "localhost" || host.ends_with(".localhost");
  if (is_address(host)) {
    boost::system::error_code error;
    const auto address = ip::make_address(target.host, error);
    is_closed = error || !is_public(address);
  }
  if (is_closed)
    return refusal(target);
  return std::nullopt;
}

bool address_policy::allows(const outbound_target& target, const ip::address& address) const {
  return is_public(address) || lists(target);
}

std::string address_policy::refusal(const outbound_target& target) {
  return target.authority() + " is a private address; start the server with --outbound-allow " + target.endpoint()
         + " to allow it.";
}

} // namespace troupe
