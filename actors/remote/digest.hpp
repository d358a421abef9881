#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Short names for long texts, the same on every node and in every run. Not for secrets.
namespace troupe {

/// FNV-1a, 64 bits (draft-eastlake-fnv).
constexpr std::uint64_t fnv1a(std::string_view text, std::uint64_t hash = 14695981039346656037ULL) noexcept {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return hash;
}

/// `hash` as `length` letters and digits, at most 10.
inline std::string alphanumeric(std::uint64_t hash, std::size_t length) {
  constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string text;
  for (; text.size() < length; hash /= digits.size())
    text += digits[hash % digits.size()];
  return text;
}

/// The digest of a text as `length` letters and digits, at most 10.
inline std::string short_digest(std::string_view text, std::size_t length) {
  return alphanumeric(fnv1a(text), length);
}

} // namespace troupe
