#include "gateway/outbound/addresses/proxy.hpp"

#include <boost/asio/ip/address.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

namespace troupe {

namespace {

namespace ip = boost::asio::ip;

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_escape
      = text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
    out += is_escape ? static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])) : text[i];
    i += is_escape ? 2 : 0;
  }
  return out;
}

std::string base64(const std::string& text) {
  // EVP_EncodeBlock writes a final NUL, too.
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
  const auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                    reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

/// RFC 7617, section 2.
std::string basic_authorization(std::string_view userinfo) {
  const auto colon = std::min(userinfo.find(':'), userinfo.size());
  const auto password = userinfo.substr(std::min(colon + 1, userinfo.size()));
  return "Basic " + base64(percent_decode(userinfo.substr(0, colon)) + ':' + percent_decode(password));
}

std::optional<proxy_server> read_proxy(std::string_view url, std::string_view variable) {
  if (url.empty())
    return std::nullopt;
  proxy_server proxy;
  const auto refuse = [&](std::string_view what) {
    proxy.error = "The proxy named by " + std::string{variable} + " is not usable: " + std::string{what} + ".";
    return proxy;
  };
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) {
    if (url.substr(0, scheme) != "http")
      return refuse("it has to begin with http://");
    url.remove_prefix(scheme + 3);
  }
  url = url.substr(0, url.find_first_of("/?#"));
  if (const auto at = url.rfind('@'); at != std::string_view::npos) {
    proxy.authorization = basic_authorization(url.substr(0, at));
    url.remove_prefix(at + 1);
  }
  auto place = parse_host_and_port(url);
  if (const auto* wrong = std::get_if<std::string>(&place))
    return refuse(*wrong);
  auto& [host, port] = std::get<host_and_port>(place);
  proxy.host = std::move(host);
  proxy.port = port.value_or(80);
  return proxy;
}

template <class Bytes>
bool have_common_prefix(const Bytes& left, const Bytes& right, unsigned bits) noexcept {
  for (std::size_t i = 0; i < left.size() && bits > 0; ++i) {
    const unsigned here = std::min(bits, 8U);
    if (((left[i] ^ right[i]) >> (8U - here)) != 0)
      return false;
    bits -= here;
  }
  return true;
}

bool is_in_network(const std::string& host, const std::string& network, unsigned bits) {
  boost::system::error_code error;
  const auto address = ip::make_address(host, error);
  if (error)
    return false;
  const auto first = ip::make_address(network, error);
  if (error || address.is_v4() != first.is_v4())
    return false;
  return address.is_v4() ? have_common_prefix(address.to_v4().to_bytes(), first.to_v4().to_bytes(), bits)
                         : have_common_prefix(address.to_v6().to_bytes(), first.to_v6().to_bytes(), bits);
}

} // namespace

proxy_environment read_proxy_environment(const std::function<const char*(const char*)>& get) {
  const auto read = [&](const char* name, const char* in_capitals) -> std::string {
    for (const char* variable : {name, in_capitals}) {
      const char* value = get ? get(variable) : std::getenv(variable);
      if (value != nullptr && *value != '\0')
        return value;
    }
    return {};
  };
  return {read("http_proxy", "HTTP_PROXY"), read("https_proxy", "HTTPS_PROXY"), read("no_proxy", "NO_PROXY")};
}

proxy_settings::proxy_settings(const proxy_environment& environment)
  : http_{read_proxy(environment.http_proxy, "HTTP_PROXY")}, https_{
                                                               read_proxy(environment.https_proxy, "HTTPS_PROXY")} {
  std::string_view rest = environment.no_proxy;
  while (!rest.empty()) {
    const auto end = std::min(rest.find_first_of(", \t"), rest.size());
    add_exception(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

void proxy_settings::add_exception(std::string_view entry) {
  if (entry.starts_with("*."))
    entry.remove_prefix(1);
  if (entry.starts_with('.'))
    entry.remove_prefix(1);
  if (entry.empty())
    return;
  exception added;
  if (entry == "*") {
    added.host = entry;
    return exceptions_.push_back(std::move(added));
  }
  if (const auto slash = entry.find('/'); slash != std::string_view::npos) {
    unsigned bits = 0;
    const auto digits = entry.substr(slash + 1);
    const auto* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, bits);
    if (digits.empty() || error != std::errc{} || stop != end)
      return;
    added.prefix = bits;
    entry = entry.substr(0, slash);
  }
  // An IPv6 address is written without brackets here as often as with them.
  const bool is_bare_ipv6 = std::count(entry.begin(), entry.end(), ':') > 1 && !entry.starts_with('[');
  auto place = parse_host_and_port(is_bare_ipv6 ? '[' + std::string{entry} + ']' : std::string{entry});
  auto* read = std::get_if<host_and_port>(&place);
  if (read == nullptr)
    return;
  added.host = std::move(read->host);
  added.port = read->port;
  exceptions_.push_back(std::move(added));
}

bool proxy_settings::matches(const exception& entry, const outbound_target& target) {
  if (entry.host == "*")
    return true;
  if (entry.port.value_or(target.port) != target.port)
    return false;
  if (entry.prefix)
    return is_address(target.host) && is_in_network(target.host, entry.host, *entry.prefix);
  if (entry.host == target.host)
    return true;
  return !is_address(entry.host) && target.host.ends_with('.' + entry.host);
}

const proxy_server* proxy_settings::proxy_for(const outbound_target& target) const {
  const auto& proxy = target.tls ? https_ : http_;
  const auto is_excepted = [&](const exception& entry) { return matches(entry, target); };
  if (!proxy || std::any_of(exceptions_.begin(), exceptions_.end(), is_excepted))
    return nullptr;
  return &*proxy;
}

} // namespace troupe
