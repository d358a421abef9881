#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Where a node takes links, as one text: `host:port`, with an IPv6 address in square
/// brackets.
namespace troupe {

struct node_address {
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const node_address&) const = default;
};

std::string to_address(const std::string& host, std::uint16_t port);

/// Nothing if there is no host, or no port from 1 to 65535.
std::optional<node_address> parse_address(std::string_view text);

/// Connects to a node as a trial, within `patience`: CAF's middleman connects one
/// address after the other and waits as long as the kernel does. Gives the numeric
/// address that answered. Blocks, also while it looks a name up.
std::optional<std::string> find_answering(const node_address& where, int patience_ms);

} // namespace troupe
