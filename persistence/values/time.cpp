#include "persistence/values/time.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace troupe {
namespace {

using namespace std::chrono;

constexpr timestamp first = sys_days{year{0} / January / 1};
constexpr timestamp last = sys_days{year{9999} / December / 31} + days{1} - microseconds{1};

void put_digits(char* out, std::int64_t value, int width) noexcept {
  for (int i = width - 1; i >= 0; --i, value /= 10)
    out[i] = static_cast<char>('0' + value % 10);
}

/// Takes fixed-width pieces off the front of a text; fails once and for all.
class scanner {
public:
  explicit scanner(std::string_view text) : rest_{text} {}

  std::optional<int> number(std::size_t width) {
    if (rest_.size() < width)
      return std::nullopt;
    int value = 0;
    for (const char c : rest_.substr(0, width)) {
      if (c < '0' || c > '9')
        return std::nullopt;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(width);
    return value;
  }

  std::optional<char> one_of(std::string_view choices) {
    if (rest_.empty() || choices.find(rest_.front()) == std::string_view::npos)
      return std::nullopt;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  std::size_t leading_digits() const { return std::min(rest_.find_first_not_of("0123456789"), rest_.size()); }

  bool at_end() const { return rest_.empty(); }

private:
  std::string_view rest_;
};

std::optional<microseconds> scan_fraction(scanner& text) {
  if (!text.one_of("."))
    return microseconds{0};
  const auto width = text.leading_digits();
  if (width < 1 || width > 9)
    return std::nullopt;
  auto value = static_cast<std::int64_t>(*text.number(width));
  for (auto i = width; i < 6; ++i)
    value *= 10;
  for (auto i = width; i > 6; --i)
    value /= 10;
  return microseconds{value};
}

std::optional<minutes> scan_offset(scanner& text) {
  const auto sign = text.one_of("Zz+-");
  if (!sign)
    return std::nullopt;
  if (*sign == 'Z' || *sign == 'z')
    return minutes{0};
  const auto hour = text.number(2);
  if (!hour || *hour > 23 || !text.one_of(":"))
    return std::nullopt;
  const auto minute = text.number(2);
  if (!minute || *minute > 59)
    return std::nullopt;
  const auto offset = hours{*hour} + minutes{*minute};
  return *sign == '-' ? -offset : offset;
}

} // namespace

timestamp now() {
  return floor<microseconds>(system_clock::now());
}

void to_rfc3339(timestamp at, std::span<char, 27> out) noexcept {
  at = std::clamp(at, first, last);
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const auto since_midnight = (at - day).count();
  const auto second = since_midnight / 1'000'000;
  put_digits(&out[0], int{date.year()}, 4);
  out[4] = '-';
  put_digits(&out[5], unsigned{date.month()}, 2);
  out[7] = '-';
  put_digits(&out[8], unsigned{date.day()}, 2);
  out[10] = 'T';
  put_digits(&out[11], second / 3600, 2);
  out[13] = ':';
  put_digits(&out[14], second / 60 % 60, 2);
  out[16] = ':';
  put_digits(&out[17], second % 60, 2);
  out[19] = '.';
  put_digits(&out[20], since_midnight % 1'000'000, 6);
  out[26] = 'Z';
}

std::string to_rfc3339(timestamp at) {
  std::array<char, 27> text;
  to_rfc3339(at, text);
  return {text.data(), text.size()};
}

std::string day_of(timestamp at) {
  constexpr std::size_t length = 10;
  return to_rfc3339(at).substr(0, length);
}

std::optional<timestamp> parse_rfc3339(std::string_view input) {
  scanner text{input};
  const auto y = text.number(4);
  if (!y || !text.one_of("-"))
    return std::nullopt;
  const auto mon = text.number(2);
  if (!mon || !text.one_of("-"))
    return std::nullopt;
  const auto d = text.number(2);
  if (!d || !text.one_of("Tt"))
    return std::nullopt;
  const auto h = text.number(2);
  if (!h || *h > 23 || !text.one_of(":"))
    return std::nullopt;
  const auto min = text.number(2);
  if (!min || *min > 59 || !text.one_of(":"))
    return std::nullopt;
  const auto s = text.number(2);
  if (!s || *s > 60)
    return std::nullopt;
  const auto fraction = scan_fraction(text);
  const auto offset = fraction ? scan_offset(text) : std::nullopt;
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mon)}, day{static_cast<unsigned>(*d)}};
  if (!offset || !text.at_end() || !date.ok())
    return std::nullopt;
  const auto minute_start = timestamp{sys_days{date}} + hours{*h} + minutes{*min} - *offset;
  // A leap second ends a UTC day (RFC 3339, section 5.7); it counts as the next day's start.
  if (*s == 60 && minute_start + minutes{1} != timestamp{ceil<days>(minute_start)})
    return std::nullopt;
  const auto at = minute_start + seconds{*s} + *fraction;
  if (at < first || at > last)
    return std::nullopt;
  return at;
}

} // namespace troupe
