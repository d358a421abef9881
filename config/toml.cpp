#include "config/toml.hpp"

// Errors come as values, and nothing is ever written.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <algorithm>
#include <optional>
#include <toml++/toml.h>

namespace troupe {

namespace {

constexpr auto not_a_value = "the value must be a whole number or a text in quotes";

/// What stands before line `number`.
std::string_view before_line(std::string_view text, std::size_t number) {
  std::size_t end = 0;
  for (std::size_t line = 1; line < number; ++line)
    end = std::min(text.find('\n', end), text.size() - 1) + 1;
  return text.substr(0, end);
}

/// The bare key that a line begins with, up to its `=`; empty if there is none.
std::string_view key_of(std::string_view line) {
  line = line.substr(0, line.find('\n'));
  const auto equals = line.find('=');
  const auto key = line.substr(0, equals == line.npos ? 0 : equals);
  const auto first = std::min(key.find_first_not_of(" \t"), key.size());
  return key.substr(first, key.find_last_not_of(" \t") + 1 - first);
}

/// The parser tells the place and the grammar's reason, and neither the key nor where it
/// was given first.
std::string explain(std::string_view text, const toml::parse_error& error) {
  const std::size_t number = error.source().begin.line;
  const auto earlier = before_line(text, number);
  const std::string key{key_of(text.substr(earlier.size()))};
  if (const auto known = toml::parse(earlier); known && known.table().contains(key)) {
    const auto first = known.table().find(key)->first.source().begin.line;
    return key + " was given before, on line " + std::to_string(first);
  }
  const std::string reason{error.description()};
  return key.empty() ? "expected key = value (" + reason + ")" : key + ": " + not_a_value + " (" + reason + ")";
}

/// What is wrong with a value that is sound TOML.
std::optional<std::string> take(const toml::node& node, std::string& out) {
  if (node.is_table())
    return "settings stand at the top level, not in tables";
  if (const auto* number = node.as_integer())
    out = std::to_string(number->get());
  else if (const auto* string = node.as_string())
    out = string->get();
  else
    return not_a_value;
  // It would end paths and addresses early where they meet the system.
  if (out.find('\0') != out.npos)
    return "a text must not hold a NUL character";
  return std::nullopt;
}

toml_error error_in(std::size_t line, const std::string& what) {
  return {"line " + std::to_string(line) + ": " + what};
}

} // namespace

std::variant<std::vector<toml_entry>, toml_error> parse_toml(std::string_view text) {
  const auto parsed = toml::parse(text);
  if (!parsed)
    return error_in(parsed.error().source().begin.line, explain(text, parsed.error()));
  struct row {
    std::size_t line;
    std::string_view key;
    const toml::node* node;
  };
  std::vector<row> rows;
  for (const auto& [key, node] : parsed.table())
    rows.push_back({key.source().begin.line, key.str(), &node});
  std::sort(rows.begin(), rows.end(), [](const row& a, const row& b) { return a.line < b.line; });
  std::vector<toml_entry> entries;
  for (const auto& [line, key, node] : rows) {
    auto& entry = entries.emplace_back(toml_entry{std::string{key}, {}, line});
    if (const auto wrong = take(*node, entry.value))
      return error_in(line, entry.key + ": " + *wrong);
  }
  return entries;
}

} // namespace troupe
