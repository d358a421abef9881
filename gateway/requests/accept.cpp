#include "gateway/requests/accept.hpp"

#include "gateway/requests/header_list.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/field.hpp>

#include <algorithm>
#include <optional>

namespace troupe {

namespace {

using boost::beast::iequals;

/// A qvalue (RFC 9110, section 12.4.2) in thousandths.
std::optional<int> read_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') || (text.size() > 1 && text[1] != '.'))
    return std::nullopt;
  int thousandths = (text[0] - '0') * 1000;
  int unit = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9')
      return std::nullopt;
    thousandths += (c - '0') * unit;
    unit /= 10;
  }
  return thousandths <= 1000 ? std::optional{thousandths} : std::nullopt;
}

/// The weight among the parameters of an element, 1000 without one; nothing if it is none.
std::optional<int> weight_of(const std::vector<std::string_view>& parts) {
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto equals = parts[i].find('=');
    if (equals != std::string_view::npos && iequals(trim(parts[i].substr(0, equals)), "q"))
      return read_weight(trim(parts[i].substr(equals + 1)));
  }
  return 1000;
}

/// How precisely a range names a type: 0 not at all, 1 as any, 2 as one of its kind, 3 itself.
int precision(std::string_view range, std::string_view type) {
  if (iequals(range, type))
    return 3;
  const auto kind = type.substr(0, type.find('/') + 1);
  if (range.size() == kind.size() + 1 && range.back() == '*' && iequals(range.substr(0, kind.size()), kind))
    return 2;
  return range == "*/*" ? 1 : 0;
}

} // namespace

media_wish wish_for(const std::vector<std::string_view>& accept, std::string_view type) {
  bool says_something = false;
  int most_precise = 0;
  int weight = 0;
  for (const auto line : accept) {
    for (const auto element : split_list(line, ',')) {
      says_something = true;
      const auto parts = split_list(element, ';');
      const auto named = parts.empty() ? 0 : precision(parts.front(), type);
      const auto wanted = weight_of(parts);
      if (!wanted || named == 0 || named < most_precise)
        continue;
      weight = named > most_precise ? *wanted : std::max(weight, *wanted);
      most_precise = named;
    }
  }
  if (!says_something)
    return {.weight = 1000, .by_name = false};
  return {.weight = weight, .by_name = most_precise == 3};
}

bool asks_for_events(const std::vector<std::string_view>& accept) {
  const auto events = wish_for(accept, "text/event-stream");
  const auto json = wish_for(accept, "application/json");
  if (events.weight == 0 || events.weight < json.weight)
    return false;
  return events.weight > json.weight || events.by_name;
}

bool is_event_stream_request(const http_request& request) {
  namespace http = boost::beast::http;
  return (request.method == http::verb::get || request.method == http::verb::head)
         && request.path.starts_with("/api/v1/tasks/") && request.path.ends_with("/events")
         && asks_for_events(field_lines(request.headers, "Accept"));
}

} // namespace troupe
