#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// Absolute URLs (RFC 3986), read strictly: what different readers might take for
/// different hosts is refused, for a host is judged by one and connected to by another.
namespace troupe {

/// A host, with or without a port.
struct host_and_port {
  /// A name in lower case without a final dot, or an IP address; IPv6 without brackets
  /// and in its canonical form (RFC 5952).
  std::string host;
  std::optional<std::uint16_t> port;

  bool operator==(const host_and_port&) const = default;
};

/// Reads `host`, `host:port`, `[IPv6]` or `[IPv6]:port`; else says what is wrong, to
/// follow "is not usable: ".
std::variant<host_and_port, std::string> parse_host_and_port(std::string_view text);

/// True for an IP address as `host_and_port` writes it.
bool is_address(std::string_view host) noexcept;

/// `host:port`, with brackets around an IPv6 address.
std::string join_host_and_port(std::string_view host, std::uint16_t port);

/// Where a request goes.
struct outbound_target {
  bool tls = false;
  /// As in `host_and_port`.
  std::string host;
  std::uint16_t port = 0;
  /// With the query; begins with a slash.
  std::string path = "/";

  /// `example.com`, `example.com:8080`, `[::1]:8080`: without the scheme's own port.
  /// For the Host header, and for sentences.
  [[nodiscard]] std::string authority() const;
  /// The same, always with the port.
  [[nodiscard]] std::string endpoint() const { return join_host_and_port(host, port); }
};

/// Reads an `http` or `https` URL, or says in a sentence what is wrong with it. The
/// sentence does not quote the URL, which may hold a secret.
std::variant<outbound_target, std::string> parse_target(std::string_view url);

} // namespace troupe
