#include "gateway/outbound/message.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/field.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace troupe {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::string_view user_agent = "troupe/" TROUPE_VERSION;

/// Beast throws at 64 KiB, and servers refuse less.
constexpr std::size_t longest_header = 32 * 1024;

/// RFC 9110, section 5.6.2.
bool is_field_token(std::string_view text) noexcept {
  const auto is_token_character = [](char c) {
    const bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return is_alphanumeric || (c != '\0' && std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos);
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

/// RFC 9110, section 5.5: no control character but the tab.
bool is_field_value(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

void take_body(outbound_message& message, std::string&& body) {
  const auto method = message.method();
  const bool expects_one = method == http::verb::post || method == http::verb::put || method == http::verb::patch;
  // RFC 9110, section 8.6.
  if (!body.empty() || expects_one)
    message.content_length(body.size());
  message.body() = std::move(body);
}

} // namespace

std::variant<outbound_message, std::string> make_message(outbound_request&& request, const outbound_target& target,
                                                         const proxy_server* proxy) {
  if (!is_field_token(request.method))
    return "The method of a request must be a word.";
  outbound_message message;
  message.method_string(request.method);
  message.target(proxy == nullptr ? target.path : "http://" + target.authority() + target.path);
  message.set(http::field::host, target.authority());
  message.set(http::field::user_agent, user_agent);
  message.set(http::field::accept_encoding, "identity");
  if (proxy != nullptr && !proxy->authorization.empty())
    message.set(http::field::proxy_authorization, proxy->authorization);
  for (const auto& [name, value] : request.headers) {
    if (!is_field_token(name) || !is_field_value(value))
      return "A header of the request has a name or a value with characters that are not allowed there.";
    if (name.size() + value.size() > longest_header)
      return "The header " + name.substr(0, 100) + " of the request is too long.";
    if (is_clients_own_header(name))
      continue;
    if (beast::iequals(name, "user-agent"))
      message.set(name, value);
    else
      message.insert(name, value);
  }
  take_body(message, std::move(request.body));
  return message;
}

outbound_message make_tunnel_message(const outbound_target& target, const proxy_server& proxy) {
  outbound_message message;
  message.method(http::verb::connect);
  message.target(target.endpoint());
  message.set(http::field::host, target.endpoint());
  message.set(http::field::user_agent, user_agent);
  if (!proxy.authorization.empty())
    message.set(http::field::proxy_authorization, proxy.authorization);
  return message;
}

} // namespace troupe
