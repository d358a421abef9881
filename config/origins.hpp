#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Where requests go to and which pages they come from, as header fields and settings
/// name it. Read strictly, and brought into a form in which equals compare equal.
namespace troupe {

/// `host [":" port]` (RFC 3986, section 3.2, without user information).
struct authority {
  /// A name in small letters, with its last dot if it has one; an IPv4 address; or an
  /// IPv6 address as RFC 5952 writes it, in brackets.
  std::string host;
  /// Nothing if none is named.
  std::optional<std::uint16_t> port;

  bool operator==(const authority&) const = default;
};

/// Nothing if it is none. Names are of letters, digits, `-`, `_` and `.`, at most 253
/// of them; international ones are written `xn--…`. IPv6 addresses have no zone.
std::optional<authority> parse_authority(std::string_view text);

/// The origin of a page (RFC 6454): `scheme "://" authority` and nothing behind it.
struct web_origin {
  /// In small letters.
  std::string scheme;
  /// For `http` and `https` always with a port.
  authority where;

  bool operator==(const web_origin&) const = default;
};

/// The port that a URL of this scheme means if it names none: of `http` and `https`.
std::optional<std::uint16_t> default_port(std::string_view scheme) noexcept;

/// Nothing if it is none, which `null`, a list of several, and one with a path are.
std::optional<web_origin> parse_origin(std::string_view text);

/// As a browser writes it: a port that the scheme means anyway is left out.
std::string to_string(const web_origin& origin);

} // namespace troupe
