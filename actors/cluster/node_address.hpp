#pragma once

#include <chrono>
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

/// Connects to a node as a trial: CAF's middleman connects to one address after the
/// other, and waits for each as long as the kernel does. Gives the numeric address
/// that answered within `patience`. Blocks, also while it looks a name up.
std::optional<std::string> find_answering(const node_address& where, std::chrono::milliseconds patience);

} // namespace troupe
