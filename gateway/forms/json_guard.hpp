#pragma once

#include "gateway/requests/problem.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <string_view>
#include <variant>

/// Reads JSON that strangers send. What it lets through can be stored and sent on
/// without a second look: valid UTF-8 without NUL (PostgreSQL stores none), every
/// number as exact as it was written, every name once, and a bounded depth, so
/// that no later recursion can be driven deep.
namespace troupe {

/// Bounds on one document; its length is bounded by the transport.
struct json_limits {
  /// Arrays and objects inside each other.
  std::size_t depth = 64;
  /// Values of all kinds; each costs the tree about 40 bytes.
  std::size_t values = 100'000;
};

/// Parses strictly (RFC 8259). Memory stays proportional to the accepted part of
/// `text`, whatever it nests. The problem is `invalid_json` and says where and
/// what is wrong, without repeating the input at length.
parsed<nlohmann::json> read_json(std::string_view text, const json_limits& limits = {});

/// As `read_json`; anything but an object is `invalid_body`.
parsed<nlohmann::json> read_json_object(std::string_view text, const json_limits& limits = {});

} // namespace troupe
