#include "config/addresses.hpp"

#include "config/ascii.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <string_view>

namespace troupe {

namespace {

bool is_label(std::string_view label) noexcept {
  const auto allowed
    = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; };
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-'
         && std::all_of(label.begin(), label.end(), allowed);
}

/// Resolvers take `0`, `0x0` and `127.1` for IPv4 addresses.
bool is_number(std::string_view label) noexcept {
  const bool hexadecimal = label.starts_with("0x") || label.starts_with("0X");
  const auto digits = std::string_view(hexadecimal ? "0123456789abcdefABCDEF" : "0123456789");
  return label.find_first_not_of(digits, hexadecimal ? 2 : 0) == label.npos;
}

bool is_host_name(std::string_view name) noexcept {
  if (name.size() > 253)
    return false;
  for (auto dot = name.find('.'); dot != name.npos; dot = name.find('.')) {
    if (!is_label(name.substr(0, dot)))
      return false;
    name.remove_prefix(dot + 1);
  }
  return is_label(name) && !is_number(name);
}

} // namespace

bool is_loopback(const std::string& host) noexcept {
  if (host == "localhost")
    return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1)
    return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool is_listening_address(const std::string& host) noexcept {
  in_addr v4{};
  in6_addr v6{};
  return host == "localhost" || inet_pton(AF_INET, host.c_str(), &v4) == 1
         || inet_pton(AF_INET6, host.c_str(), &v6) == 1;
}

std::vector<std::string> loopback_addresses(const std::string& host) {
  if (host == "localhost")
    return {"127.0.0.1", "::1"};
  return {host};
}

std::string without_brackets(const std::string& host) {
  in6_addr v6{};
  if (!host.starts_with('[') || !host.ends_with(']'))
    return host;
  auto inside = host.substr(1, host.size() - 2);
  return inet_pton(AF_INET6, inside.c_str(), &v6) == 1 ? inside : host;
}

bool is_node_address(const std::string& host) noexcept {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1)
    return v4.s_addr != INADDR_ANY;
  in6_addr v6{};
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
    const bool maps_unspecified = IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr32[3] == INADDR_ANY;
    return !IN6_IS_ADDR_UNSPECIFIED(&v6) && !maps_unspecified;
  }
  return is_host_name(host);
}

} // namespace troupe
