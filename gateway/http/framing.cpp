#include "gateway/http/framing.hpp"

#include "config/ascii.hpp"

#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <cstddef>

namespace troupe {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr bool is_hex(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// `unreserved` and `sub-delims` of RFC 3986, section 2.
constexpr bool is_name_char(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
         || std::string_view{"-._~!$&'()*+,;="}.find(c) != std::string_view::npos;
}

bool is_reg_name(std::string_view name) noexcept {
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '%') {
      if (i + 2 >= name.size() || !is_hex(name[i + 1]) || !is_hex(name[i + 2]))
        return false;
      i += 2;
    } else if (!is_name_char(name[i])) {
      return false;
    }
  }
  return !name.empty();
}

/// What stands between the brackets: IPv6address or IPvFuture. An address is judged
/// by its characters only, which is what decides where the host ends.
bool is_ip_literal(std::string_view literal) noexcept {
  const bool future = !literal.empty() && (literal.front() == 'v' || literal.front() == 'V');
  return literal.size() >= 2 && std::all_of(literal.begin(), literal.end(), [future](char c) {
           return future ? is_name_char(c) || c == ':' : is_hex(c) || c == ':' || c == '.';
         });
}

} // namespace

// An empty host is refused, as RFC 9110, section 4.2.1, demands of http URIs.
bool is_well_formed_host(std::string_view value) noexcept {
  std::string_view port;
  std::string_view host = value;
  if (!value.empty() && value.front() == '[') {
    const auto end = value.find(']');
    if (end == std::string_view::npos || !is_ip_literal(value.substr(1, end - 1)))
      return false;
    port = value.substr(end + 1);
    host = {};
  } else {
    const auto colon = value.find(':');
    if (colon != std::string_view::npos) {
      host = value.substr(0, colon);
      port = value.substr(colon);
    }
    if (!is_reg_name(host))
      return false;
  }
  if (port.empty())
    return true;
  return port.front() == ':' && port.size() <= 6 && std::all_of(port.begin() + 1, port.end(), is_digit);
}

std::optional<framing_error> judge_framing(const http::request_header<http::fields>& header) {
  const auto version = header.version();
  if (version != 10 && version != 11)
    return framing_error{505, "This server speaks HTTP/1.0 and HTTP/1.1."};

  std::size_t hosts = 0;
  std::size_t lengths = 0;
  std::size_t encodings = 0;
  std::string_view host;
  std::string_view length;
  std::string_view encoding;
  for (const auto& field : header) {
    if (field.name() == http::field::host) {
      ++hosts;
      host = {field.value().data(), field.value().size()};
    } else if (field.name() == http::field::content_length) {
      ++lengths;
      length = {field.value().data(), field.value().size()};
    } else if (field.name() == http::field::transfer_encoding) {
      ++encodings;
      encoding = {field.value().data(), field.value().size()};
    }
  }

  if (hosts > 1)
    return framing_error{400, "A request has one Host header; this one has several."};
  if (hosts == 0 && version == 11)
    return framing_error{400, "An HTTP/1.1 request needs a Host header."};
  if (hosts == 1 && !is_well_formed_host(host))
    return framing_error{400, "The Host header is not a host name or address with an optional port."};

  if (lengths > 1)
    return framing_error{400, "A request has at most one Content-Length header; this one has several."};
  // 19 digits are below 2^64, so that no parser can overflow on what passes here.
  if (lengths == 1 && (length.empty() || length.size() > 19 || !std::all_of(length.begin(), length.end(), is_digit)))
    return framing_error{400, "Content-Length must be one decimal number."};

  if (encodings > 0) {
    if (version == 10)
      return framing_error{400, "HTTP/1.0 has no Transfer-Encoding; send a Content-Length."};
    if (lengths > 0)
      return framing_error{400, "A request has either a Content-Length or a Transfer-Encoding, not both."};
    if (encodings > 1 || !beast::iequals(encoding, "chunked"))
      return framing_error{400, "The only Transfer-Encoding understood is a single `chunked`."};
  }
  return std::nullopt;
}

bool has_folded_line(std::string_view raw_header) noexcept {
  for (auto end = raw_header.find('\n'); end != std::string_view::npos; end = raw_header.find('\n', end + 1)) {
    if (end + 1 < raw_header.size() && (raw_header[end + 1] == ' ' || raw_header[end + 1] == '\t'))
      return true;
  }
  return false;
}

} // namespace troupe
