#include "config/origins.hpp"

#include "config/ascii.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <system_error>

namespace troupe {

namespace {

constexpr std::size_t longest_name = 253;

/// Labels that are not empty, with dots between and one perhaps at the end.
bool is_name(std::string_view name) noexcept {
  if (name.ends_with('.'))
    name.remove_suffix(1);
  const auto allowed = [](char c) { return is_digit(c) || is_letter(c) || c == '-' || c == '_' || c == '.'; };
  return !name.empty() && name.size() <= longest_name && name.front() != '.' && name.back() != '.'
         && name.find("..") == name.npos && std::all_of(name.begin(), name.end(), allowed);
}

std::optional<std::string> read_host(std::string_view text) {
  if (!text.starts_with('['))
    return is_name(text) ? std::optional{lower_case(text)} : std::nullopt;
  in6_addr address{};
  if (!text.ends_with(']') || inet_pton(AF_INET6, std::string{text.substr(1, text.size() - 2)}.c_str(), &address) != 1)
    return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> written{};
  inet_ntop(AF_INET6, &address, written.data(), written.size());
  return '[' + std::string{written.data()} + ']';
}

/// `scheme` of RFC 3986, section 3.1.
bool is_scheme(std::string_view text) noexcept {
  return !text.empty() && is_letter(text.front()) && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

} // namespace

std::optional<authority> parse_authority(std::string_view text) {
  const auto end = text.starts_with('[') ? text.find(']') : text.find(':');
  const auto host_size = text.starts_with('[') && end != text.npos ? end + 1 : std::min(end, text.size());
  const auto rest = text.substr(host_size);
  auto host = read_host(text.substr(0, host_size));
  if (!host || (!rest.empty() && rest.front() != ':'))
    return std::nullopt;
  // A colon without a port is allowed, and names none (RFC 3986, section 3.2.3).
  if (rest.size() < 2)
    return authority{std::move(*host), std::nullopt};
  std::uint16_t port = 0;
  const auto [stop, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), port);
  if (error != std::errc{} || stop != rest.data() + rest.size())
    return std::nullopt;
  return authority{std::move(*host), port};
}

std::optional<std::uint16_t> default_port(std::string_view scheme) noexcept {
  if (scheme == "http")
    return std::uint16_t{80};
  if (scheme == "https")
    return std::uint16_t{443};
  return std::nullopt;
}

std::optional<web_origin> parse_origin(std::string_view text) {
  const auto colon = text.find("://");
  if (colon == text.npos || !is_scheme(text.substr(0, colon)))
    return std::nullopt;
  auto where = parse_authority(text.substr(colon + 3));
  if (!where || text.ends_with(':'))
    return std::nullopt;
  auto scheme = lower_case(text.substr(0, colon));
  if (!where->port)
    where->port = default_port(scheme);
  return web_origin{std::move(scheme), std::move(*where)};
}

std::string to_string(const web_origin& origin) {
  auto text = origin.scheme + "://" + origin.where.host;
  if (origin.where.port && origin.where.port != default_port(origin.scheme))
    text += ':' + std::to_string(*origin.where.port);
  return text;
}

} // namespace troupe
