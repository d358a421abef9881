#include "actors/providers/provider.hpp"

#include "actors/providers/anthropic.hpp"
#include "actors/providers/openai.hpp"
#include "persistence/time.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace troupe {

const provider& provider_of(model_kind kind) {
  static const openai_provider openai{};
  static const anthropic_provider anthropic{};
  switch (kind) {
  case model_kind::anthropic: return anthropic;
  case model_kind::openai:
  case model_kind::builtin: break;
  }
  return openai;
}

namespace providers {

namespace {

using milliseconds = std::chrono::milliseconds;

/// Nobody's word makes a task wait longer than this.
constexpr milliseconds longest_wait = std::chrono::hours{1};

constexpr std::string_view replacement = "\xef\xbf\xbd";
constexpr std::string_view ellipsis = "\xe2\x80\xa6";

/// Length of the well-formed UTF-8 sequence that starts `text` (RFC 3629, section 4),
/// 0 if there is none.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80)
    return 1;
  if (lead >= 0xc2 && lead <= 0xdf)
    return continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef)
    return continues(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) && continues(2) ? 3 : 0;
  if (lead >= 0xf0 && lead <= 0xf4)
    return continues(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) && continues(2) && continues(3) ? 4 : 0;
  return 0;
}

bool is_unwanted_control(std::string_view character) noexcept {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1)
    return (first < 0x20 && first != '\t' && first != '\n' && first != '\r') || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
}

/// The decimal number that starts `text`, which is taken off it; not negative.
std::optional<double> take_number(std::string_view& text) noexcept {
  if (text.empty() || text.front() < '0' || text.front() > '9')
    return std::nullopt;
  double value = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (failed != std::errc{})
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return value;
}

milliseconds bounded(double wait_ms) noexcept {
  return milliseconds{static_cast<std::int64_t>(std::ceil(std::min(wait_ms, double(longest_wait.count()))))};
}

milliseconds until(timestamp then, timestamp at) noexcept {
  if (then <= at)
    return milliseconds{0};
  // Compared before they are subtracted: the difference of far times need not fit.
  return then >= at + longest_wait ? longest_wait : std::chrono::ceil<milliseconds>(then - at);
}

std::optional<milliseconds> parse_plain(std::string_view text, double unit_ms) noexcept {
  const auto value = take_number(text);
  if (!value || !text.empty())
    return std::nullopt;
  return bounded(*value * unit_ms);
}

/// IMF-fixdate (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
std::optional<timestamp> parse_http_date(std::string_view text) {
  constexpr std::string_view days = "Mon,Tue,Wed,Thu,Fri,Sat,Sun,";
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || days.find(text.substr(0, 4)) % 4 != 0 || text[4] != ' ' || text[7] != ' ' || text[11] != ' '
      || text[16] != ' ' || text.substr(25) != " GMT")
    return std::nullopt;
  const auto month = months.find(text.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0)
    return std::nullopt;
  auto number = std::to_string(month / 3 + 1);
  if (number.size() == 1)
    number.insert(0, 1, '0');
  std::string iso{text.substr(12, 4)};
  iso.append("-").append(number).append("-").append(text.substr(5, 2));
  iso.append("T").append(text.substr(17, 8)).append("Z");
  return parse_rfc3339(iso);
}

/// A duration in parts, as in `1m30.5s`.
std::optional<milliseconds> parse_duration(std::string_view text) noexcept {
  struct unit {
    std::string_view name;
    double ms;
  };
  constexpr std::array<unit, 6> units{
    {{"d", 86'400'000.0}, {"h", 3'600'000.0}, {"m", 60'000.0}, {"s", 1000.0}, {"ms", 1.0}, {"us", 0.001}}};
  if (text.empty())
    return std::nullopt;
  double sum = 0;
  while (!text.empty()) {
    const auto value = take_number(text);
    const auto name = text.substr(0, text.find_first_of("0123456789"));
    const auto found = std::find_if(units.begin(), units.end(), [&](const unit& one) { return one.name == name; });
    if (!value || found == units.end())
      return std::nullopt;
    sum += *value * found->ms;
    text.remove_prefix(name.size());
  }
  return bounded(sum);
}

/// What the providers' own headers say of one limit: when it is whole again, if
/// nothing of it is left.
std::optional<milliseconds> parse_reset(std::string_view name, std::string_view value, const outbound_head& head,
                                        timestamp at) {
  constexpr std::string_view openai = "x-ratelimit-reset-";
  constexpr std::string_view anthropic = "anthropic-ratelimit-";
  constexpr std::string_view reset = "-reset";
  if (name == "x-ratelimit-reset-requests" || name == "x-ratelimit-reset-tokens") {
    const auto limit = name.substr(openai.size());
    if (head.header("x-ratelimit-remaining-" + std::string{limit}) == "0")
      return parse_duration(value);
  } else if (name.starts_with(anthropic) && name.ends_with(reset)) {
    const auto limit = name.substr(0, name.size() - reset.size());
    if (head.header(std::string{limit} + "-remaining") != "0")
      return std::nullopt;
    if (const auto then = parse_rfc3339(value))
      return until(*then, at);
  }
  return std::nullopt;
}

} // namespace

std::string join_url(std::string_view base, std::string_view path) {
  while (base.ends_with('/'))
    base.remove_suffix(1);
  while (path.starts_with('/'))
    path.remove_prefix(1);
  std::string url{base};
  return url.append("/").append(path);
}

std::string clean_text(std::string_view untrusted) {
  std::string clean;
  clean.reserve(untrusted.size());
  while (!untrusted.empty()) {
    const auto length = sequence_length(untrusted);
    const auto character = untrusted.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0)
      clean += replacement;
    else if (!is_unwanted_control(character))
      clean += character;
    untrusted.remove_prefix(character.size());
  }
  return clean;
}

std::string excerpt(std::string_view text, std::size_t max) {
  std::string line;
  for (const char c : clean_text(text)) {
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  if (line.ends_with(' '))
    line.pop_back();
  if (line.size() <= max)
    return line;
  const auto mark = max < ellipsis.size() ? std::string_view{} : ellipsis;
  auto end = max - mark.size();
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80)
    --end;
  line.resize(end);
  return line.append(mark);
}

std::optional<std::chrono::milliseconds> wait_asked_for(const outbound_head& head, timestamp at) {
  if (const auto wait = parse_plain(head.header("retry-after-ms"), 1))
    return wait;
  const auto retry_after = head.header("retry-after");
  if (const auto wait = parse_plain(retry_after, 1000))
    return wait;
  if (const auto then = parse_http_date(retry_after))
    return until(*then, at);
  std::optional<milliseconds> longest;
  for (const auto& [name, value] : head.headers) {
    if (const auto wait = parse_reset(name, value, head, at))
      longest = std::max(longest.value_or(milliseconds{0}), *wait);
  }
  return longest;
}

error_class class_of_status(unsigned status) noexcept {
  if (status == 429 || status == 529)
    return error_class::throttled;
  if (status == 408 || status == 409 || status == 425 || status >= 500)
    return error_class::transient;
  return error_class::permanent;
}

std::int64_t estimate_tokens(std::string_view text) noexcept {
  return static_cast<std::int64_t>((text.size() + 3) / 4);
}

} // namespace providers

} // namespace troupe
