#include "gateway/prefer.hpp"

#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <charconv>

namespace troupe {

namespace {

constexpr std::chrono::seconds longest_wait = std::chrono::hours{1};

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

} // namespace

preferences read_preferences(std::string_view header) {
  preferences found;
  while (!header.empty()) {
    const auto end = std::min(header.find(','), header.size());
    // Parameters of a preference follow a semicolon; neither of ours has any.
    const auto one = trim(header.substr(0, std::min(header.find(';'), end)));
    header.remove_prefix(std::min(end + 1, header.size()));
    const auto name = trim(one.substr(0, one.find('=')));
    if (boost::beast::iequals(name, "respond-async")) {
      found.respond_async = true;
    } else if (boost::beast::iequals(name, "wait") && one.find('=') != std::string_view::npos) {
      const auto value = trim(one.substr(one.find('=') + 1));
      unsigned seconds = 0;
      const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
      if (error == std::errc{} && stop == value.data() + value.size())
        found.wait = std::min<std::chrono::seconds>(std::chrono::seconds{seconds}, longest_wait);
    }
  }
  return found;
}

} // namespace troupe
