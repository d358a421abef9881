#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// Why a request's framing cannot be trusted. After it the connection is closed:
/// where one message ends and the next begins is no longer known.
struct framing_error {
  /// 400, 501 or 505.
  unsigned status = 400;
  std::string detail;
};

/// Judges a request's header right after it was read, before its body is (RFC
/// 9112, sections 3.2, 6.1, 6.3 and 11.2). Beast's parser alone takes framings
/// that another server reads differently, which is how requests are smuggled.
/// Accepted are HTTP/1.0 and 1.1; exactly one well-formed Host on 1.1 (at most one
/// on 1.0); no Transfer-Encoding, or exactly one `chunked` on 1.1 without a
/// Content-Length; at most one Content-Length, of digits only.
std::optional<framing_error> judge_framing(
  const boost::beast::http::request_header<boost::beast::http::fields>& header);

/// `host [":" port]` as Host has it (RFC 9110, section 7.2): not empty, no user.
bool is_well_formed_host(std::string_view value) noexcept;

/// True if a raw header block folds a line (RFC 9112, section 5.2), which Beast
/// would silently join.
bool has_folded_line(std::string_view raw_header) noexcept;

} // namespace troupe
