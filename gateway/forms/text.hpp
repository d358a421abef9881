#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

/// Small questions about text from outside, shared by the parsers.
namespace troupe {

/// True for well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing
/// past U+10FFFF.
bool is_valid_utf8(std::string_view text) noexcept;

/// The number of code points of valid UTF-8.
std::size_t count_code_points(std::string_view text) noexcept;

/// True if a control character (U+0000 to U+001F, U+007F) is in it.
bool has_control_character(std::string_view text) noexcept;

/// The longest prefix of at most `bytes` bytes that cuts no UTF-8 sequence.
std::string_view cut_utf8(std::string_view text, std::size_t bytes) noexcept;

/// A client's text for use in a sentence: in quotes, cut after 60 bytes, control
/// characters as `?`.
std::string excerpt(std::string_view text);

/// True if it is one of `words`.
template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) noexcept {
  return std::find(words.begin(), words.end(), text) != words.end();
}

} // namespace troupe
