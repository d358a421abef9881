#include "gateway/outbound/addresses/target.hpp"

#include "config/ascii.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <charconv>

namespace troupe {

namespace {

namespace ip = boost::asio::ip;

constexpr std::size_t longest_name = 253;
constexpr std::size_t longest_label = 63;

std::optional<std::uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (text.empty() || !is_digit(text.front()) || error != std::errc{} || stop != end || port == 0 || port > 65535)
    return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

/// The last label decides whether a name is read as an IPv4 address, in whatever form
/// (WHATWG URL, section 3.5): `127.1`, `0x7f.1`, `2130706433`.
bool looks_like_ipv4(std::string_view name) noexcept {
  const auto label = name.substr(name.rfind('.') + 1);
  if (label.starts_with("0x"))
    return label.find_first_not_of("0123456789abcdef", 2) == std::string_view::npos;
  return !label.empty() && std::all_of(label.begin(), label.end(), is_digit);
}

bool is_label(std::string_view label) noexcept {
  const auto is_allowed = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_'; };
  return !label.empty() && label.size() <= longest_label && std::all_of(label.begin(), label.end(), is_allowed);
}

bool is_name(std::string_view name) noexcept {
  if (name.size() > longest_name)
    return false;
  for (;;) {
    const auto dot = name.find('.');
    if (!is_label(name.substr(0, dot)))
      return false;
    if (dot == std::string_view::npos)
      return true;
    name.remove_prefix(dot + 1);
  }
}

std::variant<host_and_port, std::string> read_ipv6(std::string_view inside) {
  boost::system::error_code error;
  // A zone (`fe80::1%eth0`) has no meaning to anybody else.
  const auto address = ip::make_address_v6(std::string{inside}, error);
  if (error || inside.find('%') != std::string_view::npos)
    return "what stands in brackets is no IPv6 address";
  return host_and_port{address.to_string(), std::nullopt};
}

std::variant<host_and_port, std::string> read_host(std::string_view text) {
  auto host = lower_case(text);
  if (host.ends_with('.'))
    host.pop_back();
  if (host.empty())
    return "it names no host";
  if (looks_like_ipv4(host)) {
    boost::system::error_code error;
    const auto address = ip::make_address_v4(host, error);
    if (error)
      return "its host is a number but no IPv4 address of four parts";
    return host_and_port{address.to_string(), std::nullopt};
  }
  if (!is_name(host))
    return "its host is no name of letters, digits, '-', '_' and '.' (a name in other letters has a form in these: "
           "xn--…)";
  return host_and_port{std::move(host), std::nullopt};
}

} // namespace

std::variant<host_and_port, std::string> parse_host_and_port(std::string_view text) {
  if (text.find('@') != std::string_view::npos)
    return "it must not hold a user name or a password";
  std::size_t host_end = 0;
  std::variant<host_and_port, std::string> result;
  if (text.starts_with('[')) {
    const auto bracket = text.find(']');
    if (bracket == std::string_view::npos)
      return "a bracket is not closed";
    result = read_ipv6(text.substr(1, bracket - 1));
    host_end = bracket + 1;
  } else {
    host_end = std::min(text.find(':'), text.size());
    if (text.find(':', host_end + 1) != std::string_view::npos)
      return "an IPv6 address has to stand in brackets";
    result = read_host(text.substr(0, host_end));
  }
  auto* read = std::get_if<host_and_port>(&result);
  if (read == nullptr || host_end == text.size())
    return result;
  read->port = parse_port(text.substr(host_end + 1));
  if (text[host_end] != ':' || !read->port)
    return "its port is no number from 1 to 65535";
  return result;
}

bool is_address(std::string_view host) noexcept {
  return host.find(':') != std::string_view::npos || looks_like_ipv4(host);
}

std::string join_host_and_port(std::string_view host, std::uint16_t port) {
  std::string out;
  const bool is_ipv6 = host.find(':') != std::string_view::npos;
  if (is_ipv6)
    out += '[';
  out += host;
  if (is_ipv6)
    out += ']';
  out += ':';
  return out += std::to_string(port);
}

std::string outbound_target::authority() const {
  auto text = endpoint();
  if (port == (tls ? 443 : 80))
    text.erase(text.rfind(':'));
  return text;
}

std::variant<outbound_target, std::string> parse_target(std::string_view url) {
  const auto refuse = [](std::string_view what) { return "The URL is not usable: " + std::string{what} + "."; };
  if (!std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < '\x7f'; }))
    return refuse("spaces, control characters and other than ASCII have to be percent-encoded");
  const auto colon = url.find("://");
  const auto scheme = colon == std::string_view::npos ? std::string{} : lower_case(url.substr(0, colon));
  if (scheme != "http" && scheme != "https")
    return refuse("it has to begin with http:// or https://");
  url.remove_prefix(colon + 3);
  url = url.substr(0, url.find('#'));
  const auto authority = url.substr(0, url.find_first_of("/?"));
  auto place = parse_host_and_port(authority);
  if (const auto* wrong = std::get_if<std::string>(&place))
    return refuse(*wrong);
  auto& [host, port] = std::get<host_and_port>(place);
  outbound_target target;
  target.tls = scheme == "https";
  target.host = std::move(host);
  target.port = port.value_or(target.tls ? 443 : 80);
  url.remove_prefix(authority.size());
  target.path = url.starts_with('/') ? std::string{url} : "/" + std::string{url};
  return target;
}

} // namespace troupe
