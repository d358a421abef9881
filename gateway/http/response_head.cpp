#include "gateway/http/response_head.hpp"

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace troupe {

namespace {

void append_number(std::string& to, std::size_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  to.append(digits.data(), end);
}

void append_field(std::string& to, std::string_view name, std::string_view value) {
  const auto start = to.size();
  to.append(name).append(": ").append(value);
  std::replace_if(
    to.begin() + static_cast<std::ptrdiff_t>(start), to.end(),
    [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  to.append("\r\n");
}

} // namespace

void append_response_head(std::string& to, const http_response& response, const response_framing& framing) {
  if (response.status == 200) {
    to.append("HTTP/1.1 200 OK\r\n");
  } else {
    to.append("HTTP/1.1 ");
    append_number(to, response.status);
    const auto reason = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(response.status));
    to.append(" ").append(reason.data(), reason.size()).append("\r\n");
  }
  to.append(framing.date_line);
  if (!response.content_type.empty() && !is_bodiless(response.status))
    append_field(to, "Content-Type", response.content_type);
  if (framing.content_length && !is_bodiless(response.status)) {
    to.append("Content-Length: ");
    append_number(to, *framing.content_length);
    to.append("\r\n");
  }
  if (framing.chunked)
    to.append("Transfer-Encoding: chunked\r\n");
  if (!framing.keep_alive)
    to.append("Connection: close\r\n");
  else if (framing.http_1_0)
    to.append("Connection: keep-alive\r\n");
  if (!framing.request_id.empty())
    append_field(to, "X-Request-Id", framing.request_id);
  for (const auto& [name, value] : response.headers)
    append_field(to, name, value);
  to.append("\r\n");
}

} // namespace troupe
