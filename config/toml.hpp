#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace troupe {

struct toml_entry {
  std::string key;
  /// The string's content, or the integer's digits without underscores.
  std::string value;
  /// Counted from 1.
  std::size_t line = 0;
};

struct toml_error {
  /// A sentence that names the line.
  std::string message;
};

/// Reads the part of TOML 1.0 that settings need: `key = value` at the top level,
/// one a line, where the value is a decimal integer or a string on one line (basic
/// or literal), with comments. Everything else, and a key given twice, is an
/// error. Stands in for CLI11's own reader, which cuts a quoted string at a `#`,
/// passes over lines shorter than three characters, and knows no escapes.
std::variant<std::vector<toml_entry>, toml_error> parse_toml(std::string_view text);

} // namespace troupe
