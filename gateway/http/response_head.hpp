#pragma once

#include "gateway/requests/transport.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// What an answer's head says beside what the routes put into it.
struct response_framing {
  /// A whole `Date: …` line with its line end.
  std::string_view date_line;
  /// Nothing for an answer whose length is not known beforehand.
  std::optional<std::size_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
  /// The request was HTTP/1.0, which has to be told that the connection is kept.
  bool http_1_0 = false;
  /// For `X-Request-Id`; none if it is empty.
  std::string_view request_id{};
};

/// Appends status line and header fields up to the empty line. Line ends inside a
/// field become spaces, so that no value can forge another field.
void append_response_head(std::string& to, const http_response& response, const response_framing& framing);

/// True if an answer of this status never has a body, nor a Content-Length (RFC
/// 9110, section 8.6; for 304 it is optional).
[[nodiscard]] constexpr bool is_bodiless(unsigned status) noexcept {
  return status < 200 || status == 204 || status == 304;
}

} // namespace troupe
