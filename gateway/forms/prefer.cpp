#include "gateway/forms/prefer.hpp"

#include "gateway/requests/header_list.hpp"

#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace troupe {

namespace {

constexpr std::chrono::seconds longest_wait = std::chrono::hours{1};

/// A token, or what a quoted string holds.
std::string_view word(std::string_view text) {
  return text.size() >= 2 && text.front() == '"' && text.back() == '"' ? text.substr(1, text.size() - 2) : text;
}

std::optional<std::chrono::seconds> read_wait(std::string_view value) {
  unsigned seconds = 0;
  const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error != std::errc{} || stop != value.data() + value.size())
    return std::nullopt;
  return std::min<std::chrono::seconds>(std::chrono::seconds{seconds}, longest_wait);
}

} // namespace

preferences read_preferences(const std::vector<std::string_view>& lines) {
  preferences found;
  bool waits = false;
  for (const auto line : lines) {
    for (const auto element : split_list(line, ',')) {
      // Parameters of a preference follow a semicolon; neither of ours has any.
      const auto parts = split_list(element, ';');
      const auto one = parts.empty() ? std::string_view{} : parts.front();
      const auto equals = std::min(one.find('='), one.size());
      const auto name = trim(one.substr(0, equals));
      if (boost::beast::iequals(name, "respond-async"))
        found.respond_async = true;
      else if (boost::beast::iequals(name, "wait") && equals < one.size() && !std::exchange(waits, true))
        found.wait = read_wait(word(trim(one.substr(equals + 1))));
    }
  }
  return found;
}

} // namespace troupe
