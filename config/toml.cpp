#include "config/toml.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace troupe {

namespace {

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

constexpr bool is_key_character(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

constexpr bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto add = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    add(c);
  } else if (c < 0x800) {
    add(0xc0 | c >> 6);
    add(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    add(0xe0 | c >> 12);
    add(0x80 | (c >> 6 & 0x3f));
    add(0x80 | (c & 0x3f));
  } else {
    add(0xf0 | c >> 18);
    add(0x80 | (c >> 12 & 0x3f));
    add(0x80 | (c >> 6 & 0x3f));
    add(0x80 | (c & 0x3f));
  }
}

/// One line, read from left to right. Each function takes what it names and says
/// what is wrong if it is not there.
class line_reader {
public:
  explicit line_reader(std::string_view rest) : rest_(rest) {}

  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

  [[nodiscard]] bool at_end() const { return rest_.empty() || rest_.front() == '#'; }

  [[nodiscard]] bool at(char c) const { return !rest_.empty() && rest_.front() == c; }

  bool take(char c) {
    if (!at(c))
      return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string take_key() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_key_character);
    std::string key(rest_.begin(), end);
    rest_.remove_prefix(key.size());
    return key;
  }

  std::optional<std::string> take_value(std::string& out) {
    if (at('"'))
      return take_basic_string(out);
    if (at('\''))
      return take_literal_string(out);
    return take_integer(out);
  }

private:
  std::optional<std::string> take_literal_string(std::string& out) {
    rest_.remove_prefix(1);
    const auto end = rest_.find('\'');
    if (end == rest_.npos)
      return "the string has no closing quote";
    out = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return std::nullopt;
  }

  std::optional<std::string> take_basic_string(std::string& out) {
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"')
        return std::nullopt;
      if (c != '\\')
        out += c;
      else if (!take_escape(out))
        return "the string has an escape that TOML does not know";
    }
    return "the string has no closing quote";
  }

  /// TOML 1.0, "String": the escapes of basic strings.
  bool take_escape(std::string& out) {
    if (rest_.empty())
      return false;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    switch (c) {
    case 'b': out += '\b'; return true;
    case 't': out += '\t'; return true;
    case 'n': out += '\n'; return true;
    case 'f': out += '\f'; return true;
    case 'r': out += '\r'; return true;
    case '"': out += '"'; return true;
    case '\\': out += '\\'; return true;
    case 'u': return take_code_point(out, 4);
    case 'U': return take_code_point(out, 8);
    default: return false;
    }
  }

  bool take_code_point(std::string& out, std::size_t digits) {
    if (rest_.size() < digits)
      return false;
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + digits, value, 16);
    const bool is_scalar = value < 0xd800 || (value > 0xdfff && value <= 0x10ffff);
    // A NUL would end paths and addresses early where they meet the system.
    if (error != std::errc{} || end != rest_.data() + digits || !is_scalar || value == 0)
      return false;
    append_utf8(out, value);
    rest_.remove_prefix(digits);
    return true;
  }

  std::optional<std::string> take_integer(std::string& out) {
    constexpr auto not_a_value = "the value must be a whole number or a text in quotes";
    if (at('-'))
      out += '-';
    if (at('-') || at('+'))
      rest_.remove_prefix(1);
    const auto first = out.size();
    bool after_digit = false;
    while (!rest_.empty() && (is_digit(rest_.front()) || rest_.front() == '_')) {
      // An underscore stands between two digits only.
      if (rest_.front() == '_' && (!after_digit || rest_.size() < 2 || !is_digit(rest_[1])))
        return not_a_value;
      after_digit = is_digit(rest_.front());
      if (after_digit)
        out += rest_.front();
      rest_.remove_prefix(1);
    }
    if (out.size() == first)
      return not_a_value;
    if (out[first] == '0' && out.size() > first + 1)
      return "a number must not begin with 0";
    if (!rest_.empty() && !at(' ') && !at('\t') && !at('#'))
      return not_a_value;
    return std::nullopt;
  }

  std::string_view rest_;
};

std::optional<std::string> parse_line(std::string_view line, std::vector<toml_entry>& entries, std::size_t number) {
  if (std::any_of(line.begin(), line.end(), is_control))
    return "control characters are not allowed";
  line_reader in(line);
  in.skip_blanks();
  if (in.at_end())
    return std::nullopt;
  if (in.at('['))
    return "settings stand at the top level, not in tables";
  toml_entry entry;
  entry.line = number;
  entry.key = in.take_key();
  in.skip_blanks();
  if (entry.key.empty() || !in.take('='))
    return "expected key = value";
  in.skip_blanks();
  if (auto error = in.take_value(entry.value))
    return entry.key + ": " + *error;
  in.skip_blanks();
  if (!in.at_end())
    return entry.key + ": nothing but a comment may follow the value";
  const auto same = [&entry](const toml_entry& other) { return other.key == entry.key; };
  if (const auto first = std::find_if(entries.begin(), entries.end(), same); first != entries.end())
    return entry.key + " was given before, on line " + std::to_string(first->line);
  entries.push_back(std::move(entry));
  return std::nullopt;
}

} // namespace

std::variant<std::vector<toml_entry>, toml_error> parse_toml(std::string_view text) {
  std::vector<toml_entry> entries;
  if (text.starts_with("\xef\xbb\xbf"))
    text.remove_prefix(3);
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    if (const auto error = parse_line(line, entries, number))
      return toml_error{"line " + std::to_string(number) + ": " + *error};
  }
  return entries;
}

} // namespace troupe
