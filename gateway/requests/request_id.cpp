#include "gateway/requests/request_id.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <random>

namespace troupe {

namespace {

constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuvwxyz";

std::string make_prefix() {
  std::random_device source;
  std::uniform_int_distribution<std::size_t> digit{0, digits.size() - 1};
  std::string prefix;
  for (int i = 0; i < 8; ++i)
    prefix += digits[digit(source)];
  return prefix;
}

} // namespace

bool is_request_id(std::string_view text) noexcept {
  constexpr std::size_t longest = 128;
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_'
           || c == '-';
  };
  return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), allowed);
}

std::string request_id_of(const boost::beast::http::fields& headers) {
  const auto lines = headers.equal_range("X-Request-Id");
  if (lines.first != lines.second && std::next(lines.first) == lines.second) {
    const auto value = lines.first->value();
    if (const std::string_view id{value.data(), value.size()}; is_request_id(id))
      return std::string{id};
  }
  return make_request_id();
}

std::string make_request_id() {
  static thread_local const auto prefix = make_prefix();
  static thread_local std::uint64_t count = 0;
  std::array<char, 16> number{};
  auto* at = number.data() + number.size();
  for (auto rest = ++count; rest > 0; rest /= digits.size())
    *--at = digits[rest % digits.size()];
  return std::string{prefix}.append(at, number.data() + number.size());
}

} // namespace troupe
