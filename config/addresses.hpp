#pragma once

#include <string>
#include <vector>

/// What can be said of an address without asking a resolver.
namespace troupe {

/// 127.0.0.0/8, `::1` or `localhost`: nothing outside this host reaches it.
bool is_loopback(const std::string& host) noexcept;

/// A numeric address, also an unspecified one (`0.0.0.0`, `::`), or `localhost`: what a
/// server can listen on.
bool is_listening_address(const std::string& host) noexcept;

/// The numeric addresses that a loopback host stands for: of `localhost` those of both
/// families (RFC 6761, section 6.3), as clients take either first. Not left to a resolver,
/// which could be told to answer with others.
std::vector<std::string> loopback_addresses(const std::string& host);

/// An IPv6 address without the brackets that it has in URLs; all else as it is.
std::string without_brackets(const std::string& host);

/// True if `host` can be told to others as this node's: a numeric IPv4 or IPv6
/// address other than an unspecified one (`0.0.0.0`, `::`), or a host name (RFC 1123,
/// with `_`, which container networks use).
bool is_node_address(const std::string& host) noexcept;

} // namespace troupe
