#include "actors/providers/wait_hint.hpp"

#include "actors/providers/provider_json.hpp"
#include "persistence/values/time.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace troupe::providers {

namespace {

using nlohmann::json;
using milliseconds = std::chrono::milliseconds;

/// Nobody's word makes a task wait longer than this.
constexpr milliseconds longest_hinted_wait = std::chrono::hours{1};
constexpr std::size_t longest_hint = std::size_t{16} * 1024;

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
  return milliseconds{static_cast<std::int64_t>(std::ceil(std::min(wait_ms, double(longest_hinted_wait.count()))))};
}

milliseconds until(timestamp then, timestamp at) noexcept {
  if (then <= at)
    return milliseconds{0};
  // Compared before they are subtracted: the difference of far times need not fit.
  return then >= at + longest_hinted_wait ? longest_hinted_wait : std::chrono::ceil<milliseconds>(then - at);
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

// -- bodies -------------------------------------------------------------------------

/// A number of seconds, or a text that is one, or a duration.
std::optional<milliseconds> parse_seconds(const json& value, double unit_ms = 1000) {
  if (value.is_number()) {
    const auto number = value.get<double>();
    return number >= 0 ? std::optional{bounded(number * unit_ms)} : std::nullopt;
  }
  if (!value.is_string())
    return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  const auto plain = parse_plain(text, unit_ms);
  return plain ? plain : parse_duration(text);
}

/// A time since 1970, in seconds or in milliseconds.
std::optional<milliseconds> parse_epoch(const json& value, timestamp at) {
  double number = 0;
  if (value.is_number()) {
    number = value.get<double>();
  } else if (value.is_string()) {
    std::string_view text = value.get_ref<const std::string&>();
    const auto taken = take_number(text);
    if (!taken || !text.empty())
      return std::nullopt;
    number = *taken;
  }
  constexpr double first = 1e9;
  constexpr double in_milliseconds = 1e11;
  if (number < first)
    return std::nullopt;
  const auto since = number < in_milliseconds ? number * 1000 : number;
  const auto now = static_cast<double>(std::chrono::duration_cast<milliseconds>(at.time_since_epoch()).count());
  return bounded(std::max(since - now, 0.0));
}

/// `google.rpc.RetryInfo` among the details of an error (RooCodeInc/Roo-Code#2118).
std::optional<milliseconds> wait_in_details(const json& details) {
  for (const auto& detail : details)
    if (const auto* delay = member(detail, "retryDelay"))
      if (const auto wait = parse_seconds(*delay))
        return wait;
  return std::nullopt;
}

std::optional<milliseconds> wait_in(const json& error, timestamp at) {
  if (const auto* details = member(error, "details"); details != nullptr && details->is_array())
    if (const auto wait = wait_in_details(*details))
      return wait;
  if (const auto* wait = member(error, "retry_after_ms"))
    if (const auto parsed = parse_seconds(*wait, 1))
      return parsed;
  for (const auto* name : {"retry_after", "retry_after_seconds", "retryAfter"})
    if (const auto* wait = member(error, name))
      if (const auto parsed = parse_seconds(*wait))
        return parsed;
  const auto* metadata = member(error, "metadata");
  if (metadata == nullptr)
    return std::nullopt;
  // OpenRouter hands on the fields of its provider.
  if (const auto* headers = member(*metadata, "headers"))
    for (const auto* name : {"X-RateLimit-Reset", "x-ratelimit-reset"})
      if (const auto* reset = member(*headers, name))
        if (const auto parsed = parse_epoch(*reset, at))
          return parsed;
  return wait_in(*metadata, at);
}

/// A duration as people write it: `6m0s`, `1.5 seconds`, `2 minutes and 3 seconds`.
std::optional<milliseconds> parse_words(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 16> units{{{"milliseconds", 1},
                                                                       {"millisecond", 1},
                                                                       {"ms", 1},
                                                                       {"seconds", 1000},
                                                                       {"second", 1000},
                                                                       {"secs", 1000},
                                                                       {"sec", 1000},
                                                                       {"s", 1000},
                                                                       {"minutes", 60'000},
                                                                       {"minute", 60'000},
                                                                       {"mins", 60'000},
                                                                       {"min", 60'000},
                                                                       {"m", 60'000},
                                                                       {"hours", 3'600'000},
                                                                       {"hour", 3'600'000},
                                                                       {"h", 3'600'000}}};
  double sum = 0;
  bool any = false;
  while (true) {
    auto rest = text.substr(std::min(text.find_first_not_of(" ,"), text.size()));
    if (any && rest.starts_with("and "))
      rest.remove_prefix(4);
    const auto value = take_number(rest);
    rest = rest.substr(std::min(rest.find_first_not_of(' '), rest.size()));
    const auto* unit = std::find_if(units.begin(), units.end(), [&](const auto& one) {
      const auto after = rest.substr(std::min(one.first.size(), rest.size()));
      return rest.starts_with(one.first) && (after.empty() || after.front() < 'a' || after.front() > 'z');
    });
    if (!value || unit == units.end())
      return any ? std::optional{bounded(sum)} : std::nullopt;
    sum += *value * unit->second;
    any = true;
    text = rest.substr(unit->first.size());
  }
}

/// `Please try again in 6m0s.` (Aider-AI/aider#3265), `Please retry in 32.5s.`, `Please
/// retry after 26 seconds.`
std::optional<milliseconds> wait_in_words(std::string_view said) {
  const auto lower = in_lower_case(said.substr(0, longest_hint));
  constexpr std::array<std::string_view, 6> marks{"try again in ", "try again after ", "retry in ",
                                                  "retry after ",  "retrying in ",     "wait "};
  for (const auto mark : marks)
    for (auto at = lower.find(mark); at != std::string::npos; at = lower.find(mark, at + 1))
      if (const auto wait = parse_words(std::string_view{lower}.substr(at + mark.size())))
        return wait;
  return std::nullopt;
}

} // namespace

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

std::optional<milliseconds> wait_asked_for(const outbound_head& head, std::string_view body, timestamp at) {
  if (const auto wait = wait_asked_for(head, at))
    return wait;
  body = trim(body);
  const auto parsed = read_object(body.starts_with('[') ? R"({"error":)" + std::string{body} + "}" : std::string{body});
  if (!parsed)
    return wait_in_words(body);
  const auto* error = member(*parsed, "error");
  if (error != nullptr && error->is_array() && !error->empty())
    error = &error->front();
  if (error != nullptr && member(*error, "error") != nullptr)
    error = member(*error, "error");
  for (const auto* place : {error, &*parsed})
    if (place != nullptr)
      if (const auto wait = wait_in(*place, at))
        return wait;
  return wait_in_words(read_error(*parsed).message);
}

} // namespace troupe::providers
