#include "persistence/values/json_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

namespace troupe {
namespace {

constexpr std::uint64_t each_byte = 0x0101010101010101ULL;
constexpr std::uint64_t high_bits = 0x8080808080808080ULL;

/// A byte with its high bit set for each zero byte of `x`; exact as long as no
/// byte of `x` itself has the high bit.
constexpr std::uint64_t zero_bytes(std::uint64_t x) noexcept {
  return (x - each_byte) & ~x & high_bits;
}

/// True if all eight bytes are ASCII that a JSON string holds as they are.
bool is_plain(const char* text) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, text, sizeof word);
  const auto odd
    = word | (word - each_byte * 0x20) | zero_bytes(word ^ each_byte * '"') | zero_bytes(word ^ each_byte * '\\');
  return (odd & high_bits) == 0;
}

/// Length of the well-formed UTF-8 sequence of two to four bytes that starts
/// `text` (RFC 3629, section 4), 0 if there is none.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead >= 0xc2 && lead <= 0xdf)
    return continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef)
    return continues(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) && continues(2) ? 3 : 0;
  if (lead >= 0xf0 && lead <= 0xf4)
    return continues(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) && continues(2) && continues(3) ? 4 : 0;
  return 0;
}

void append_escape(std::string& out, unsigned char c) {
  constexpr char digits[] = "0123456789abcdef";
  switch (c) {
  case '"': out += "\\\""; break;
  case '\\': out += "\\\\"; break;
  case '\b': out += "\\b"; break;
  case '\f': out += "\\f"; break;
  case '\n': out += "\\n"; break;
  case '\r': out += "\\r"; break;
  case '\t': out += "\\t"; break;
  default:
    out += "\\u00";
    out += digits[c >> 4];
    out += digits[c & 15];
  }
}

} // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t copied = 0;
  std::size_t i = 0;
  const auto flush = [&] { out.append(text, copied, i - copied); };
  while (i < text.size()) {
    if (text.size() - i >= 8 && is_plain(text.data() + i)) {
      i += 8;
      continue;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++i;
    } else if (c >= 0x80) {
      if (const auto length = sequence_length(text.substr(i))) {
        i += length;
      } else {
        flush();
        out += "\xef\xbf\xbd";
        copied = ++i;
      }
    } else {
      flush();
      append_escape(out, c);
      copied = ++i;
    }
  }
  flush();
  out += '"';
}

std::size_t json_string_size(std::string_view text) noexcept {
  constexpr std::size_t short_escape = 2;
  constexpr std::size_t replacement = 3;
  constexpr std::size_t long_escape = 6;
  constexpr std::string_view has_short = "\"\\\b\f\n\r\t";
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (text.size() - i >= 8 && is_plain(text.data() + i)) {
      i += 8;
      size += 8;
      continue;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x80) {
      const auto length = sequence_length(text.substr(i));
      size += length > 0 ? length : replacement;
      i += std::max<std::size_t>(length, 1);
      continue;
    }
    if (has_short.find(text[i]) != has_short.npos)
      size += short_escape;
    else
      size += c < 0x20 ? long_escape : 1;
    ++i;
  }
  return size;
}

void append_json_integer(std::string& out, std::int64_t value) {
  std::array<char, 20> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

void append_json_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

std::string& json_object::open(std::string_view key) {
  *out_ += first_ ? "\"" : ",\"";
  first_ = false;
  *out_ += key;
  *out_ += "\":";
  return *out_;
}

json_object& json_object::add(std::string_view key, std::string_view value) {
  append_json_string(open(key), value);
  return *this;
}

json_object& json_object::add(std::string_view key, const uuid& value) {
  std::array<char, 36> text;
  value.to_chars(text);
  auto& out = open(key);
  out += '"';
  out.append(text.data(), text.size());
  out += '"';
  return *this;
}

json_object& json_object::add(std::string_view key, timestamp value) {
  std::array<char, 27> text;
  to_rfc3339(value, text);
  auto& out = open(key);
  out += '"';
  out.append(text.data(), text.size());
  out += '"';
  return *this;
}

json_object& json_object::add(std::string_view key, std::nullptr_t) {
  open(key) += "null";
  return *this;
}

json_object& json_object::add_raw(std::string_view key, std::string_view json) {
  open(key) += json;
  return *this;
}

} // namespace troupe
