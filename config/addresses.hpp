#pragma once

#include <string>

/// What can be said of an address without asking a resolver.
namespace troupe {

/// 127.0.0.0/8, `::1` or `localhost`: nothing outside this host reaches it.
bool is_loopback(const std::string& host) noexcept;

/// True if `host` can be told to others as this node's: a numeric IPv4 or IPv6
/// address other than an unspecified one (`0.0.0.0`, `::`), or a host name (RFC 1123,
/// with `_`, which container networks use).
bool is_node_address(const std::string& host) noexcept;

} // namespace troupe
