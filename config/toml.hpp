#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace troupe {

struct toml_entry {
  std::string key;
  /// The string's content, or the integer in decimal.
  std::string value;
  /// Counted from 1.
  std::size_t line = 0;
};

struct toml_error {
  /// A sentence that names the line. It quotes no value, which may be a secret.
  std::string message;
};

/// Reads what settings need of a TOML 1.0 document: `key = value` at the top level,
/// where the value is an integer or a string. Anything else that TOML knows, and a NUL
/// in a string, is an error. In the order of the lines.
std::variant<std::vector<toml_entry>, toml_error> parse_toml(std::string_view text);

} // namespace troupe
