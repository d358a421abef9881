#include "gateway/http/request_reader.hpp"

#include "gateway/http/framing.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace troupe {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

/// Ends an endless chunk extension or trailer: Beast wants each whole in the buffer.
constexpr std::size_t buffer_limit = 64 * 1024;

/// What one read asks for: of a header, and of a body.
constexpr std::size_t header_read = 4 * 1024;
constexpr std::size_t body_read = 32 * 1024;

std::string_view view(beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

std::string_view first_line(std::string_view raw) noexcept {
  return raw.substr(0, raw.find("\r\n"));
}

/// `HTTP/` DIGIT `.` DIGIT at the end of a request line of three words.
bool names_a_version(std::string_view line) noexcept {
  if (std::count(line.begin(), line.end(), ' ') != 2 || line.find('\n') != std::string_view::npos)
    return false;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return line.size() >= 8 && line.substr(line.size() - 8, 5) == "HTTP/" && digit(line[line.size() - 3])
         && line[line.size() - 2] == '.' && digit(line.back());
}

/// RFC 6455, section 4.1: version 13 and a key of 16 bytes in base64.
bool is_websocket_request(const http::request_header<http::fields>& header) {
  if (!beast::websocket::is_upgrade(header) || header[http::field::sec_websocket_version] != "13"
      || header.count(http::field::sec_websocket_key) != 1)
    return false;
  const auto key = view(header[http::field::sec_websocket_key]);
  return key.size() == 24 && key.ends_with("==") && std::all_of(key.begin(), key.end() - 2, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
         });
}

} // namespace

request_reader::request_reader(const transport_limits& limits)
  : limits_(limits), buffer_(std::max(buffer_limit, limits.header_bytes + header_read)) {}

asio::mutable_buffer request_reader::prepare() {
  const auto room = buffer_.max_size() - buffer_.size();
  const auto wanted = parser_ ? body_read : header_read;
  // What is allocated already is used before there is more.
  const auto spare = buffer_.capacity() - buffer_.size();
  return buffer_.prepare(std::min(room, spare >= wanted / 4 ? spare : wanted));
}

request_reader::progress request_reader::advance() {
  if (!parser_) {
    if (const auto header = read_header(); header != progress::complete)
      return header;
  }
  if (parser_->is_done())
    return progress::complete;
  if (std::exchange(expects_continue_, false) && buffer_.size() == 0)
    return progress::send_continue;
  return read_body();
}

// -- the header -------------------------------------------------------------------

request_reader::progress request_reader::read_header() {
  auto raw = std::string_view{static_cast<const char*>(buffer_.data().data()), buffer_.size()};
  // Empty lines before a request are skipped (RFC 9112, section 2.2).
  while (raw.starts_with("\r\n")) {
    buffer_.consume(2);
    raw.remove_prefix(2);
    searched_ = 0;
  }
  const auto end = raw.find("\r\n\r\n", searched_ > 3 ? searched_ - 3 : 0);
  if (end == std::string_view::npos) {
    const auto unfinished = refuse_unfinished_header();
    searched_ = raw.size();
    return unfinished;
  }
  searched_ = 0;
  return begin_request(raw.substr(0, end + 4));
}

/// Whether what is buffered, from where was looked last, ends a line with LF alone. Beast
/// would wait for a CR LF that never comes.
bool request_reader::has_bare_line_feed() {
  const auto raw = std::string_view{static_cast<const char*>(buffer_.data().data()), buffer_.size()};
  for (auto end = raw.find('\n', searched_); end != std::string_view::npos; end = raw.find('\n', end + 1)) {
    if (end == 0 || raw[end - 1] != '\r')
      return true;
  }
  return false;
}

/// What can be said of a header before its end has come: it need not be waited for
/// if it will be refused anyway.
request_reader::progress request_reader::refuse_unfinished_header() {
  if (has_bare_line_feed())
    return refuse(400, "Lines of a header end with CR LF.");
  const auto raw = std::string_view{static_cast<const char*>(buffer_.data().data()), buffer_.size()};
  if (!raw.empty() && (static_cast<unsigned char>(raw.front()) <= ' ' || static_cast<unsigned char>(raw.front()) > '~')
      && raw != "\r")
    return refuse(400, "This is not an HTTP request.");
  // A method and a version stand beside the target.
  constexpr std::size_t around_target = 64;
  if (first_line(raw).size() > limits_.target_bytes + around_target)
    return refuse(414, "The request target is longer than this server takes.");
  if (raw.size() >= limits_.header_bytes)
    return refuse(431, "The header is longer than this server takes.");
  return progress::need_more;
}

request_reader::progress request_reader::begin_request(std::string_view raw) {
  parser_.emplace();
  parser_->header_limit(std::numeric_limits<std::uint32_t>::max());
  parser_->body_limit(limits_.body_bytes);
  boost::system::error_code error;
  const auto used = parser_->put(asio::const_buffer{raw.data(), raw.size()}, error);

  if (first_line(raw).size() > limits_.target_bytes && view(parser_->get().target()).size() > limits_.target_bytes)
    return refuse(414, "The request target is longer than this server takes.");
  if (raw.size() > limits_.header_bytes)
    return refuse(431, "The header is longer than this server takes.");
  if (error == http::error::bad_version && names_a_version(first_line(raw)))
    return refuse(505, "This server speaks HTTP/1.0 and HTTP/1.1.");
  if (error && error != http::error::body_limit)
    return refuse(400, "The request cannot be parsed: " + error.message() + ".");
  if (has_folded_line(raw))
    return refuse(400, "A header field may not be folded over several lines.");
  auto& header = parser_->get().base();
  if (auto bad = judge_framing(header))
    return refuse(bad->status, std::move(bad->detail));
  if (error == http::error::body_limit) {
    // Its head is whole: the log may say what was refused.
    request_.method_name = view(header.method_string());
    request_.path = view(header.target()).substr(0, header.target().find('?'));
    request_.headers = static_cast<const http::fields&>(header);
    return refuse(413, "The body is longer than this server takes.");
  }
  assert(used == raw.size());

  request_.method = header.method();
  request_.method_name = view(header.method_string());
  if (auto bad = take_target(view(header.target())))
    return refuse(bad->status, std::move(bad->detail));
  if (request_.authority.empty())
    request_.authority = view(header[http::field::host]);
  request_.is_websocket_upgrade = parser_->upgrade() && parser_->is_done() && is_websocket_request(header);
  // From the header alone: a trailer has no say in it.
  keep_alive_ = parser_->keep_alive();
  http_1_0_ = header.version() == 10;
  expects_continue_ = !http_1_0_ && !parser_->is_done() && beast::iequals(header[http::field::expect], "100-continue");
  // What the parser adds from now on are trailers, and they go with the parser.
  request_.headers = std::move(static_cast<http::fields&>(header));
  parser_->eager(true);
  buffer_.consume(used);
  return progress::complete;
}

std::optional<request_reader::refused_request> request_reader::take_target(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() >= scheme.size() && beast::iequals(target.substr(0, scheme.size()), scheme)) {
      const auto path = target.find_first_of("/?", scheme.size());
      request_.authority = target.substr(scheme.size(), path == target.npos ? path : path - scheme.size());
      if (!is_well_formed_host(request_.authority))
        return refused_request{400, "The request target names no host, or more than a host and a port."};
      target.remove_prefix(std::min(path, target.size()));
      if (target.empty() || target.front() == '?') {
        request_.path = target.empty() && request_.method == http::verb::options ? "*" : "/";
        request_.query = target.empty() ? target : target.substr(1);
        return std::nullopt;
      }
      break;
    }
  }
  // The forms of RFC 9112, sections 3.2.3 and 3.2.4, with their methods only.
  if ((request_.method == http::verb::options && target == "*")
      || (request_.method == http::verb::connect && is_well_formed_host(target))) {
    request_.path = target;
    return std::nullopt;
  }
  if (!target.starts_with('/') || request_.method == http::verb::connect)
    return refused_request{400, "The request target must be a path, or an http URL with one."};
  const auto question = target.find('?');
  request_.path = target.substr(0, question);
  request_.query = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
  return std::nullopt;
}

// -- the body -----------------------------------------------------------------------

request_reader::progress request_reader::read_body() {
  while (buffer_.size() > 0) {
    boost::system::error_code error;
    const auto used = parser_->put(buffer_.cdata(), error);
    buffer_.consume(used);
    if (used > 0)
      searched_ = 0;
    if (error == http::error::body_limit)
      return refuse(413, "The body is longer than this server takes.");
    if (error && error != http::error::need_more)
      return refuse(400, "The body cannot be parsed: " + error.message() + ".");
    if (parser_->is_done())
      return progress::complete;
    if (error || used == 0)
      break;
  }
  return refuse_unfinished_body();
}

/// What is left in the buffer is of a chunk's head or of the trailer section, which Beast
/// takes whole.
request_reader::progress request_reader::refuse_unfinished_body() {
  if (has_bare_line_feed())
    return refuse(400, "Lines of a chunk's head and of a trailer section end with CR LF.");
  searched_ = buffer_.size();
  if (buffer_.size() == buffer_.max_size())
    return refuse(400, "A chunk header or trailer section is longer than this server takes.");
  return progress::need_more;
}

std::size_t request_reader::held() const noexcept {
  return started() ? buffer_.capacity() + (parser_ ? parser_->get().body().capacity() : 0) : 0;
}

http_request request_reader::take() {
  request_.body = std::move(parser_->get().body());
  parser_.reset();
  searched_ = 0;
  return std::exchange(request_, {});
}

request_reader::progress request_reader::refuse(unsigned status, std::string detail) {
  refusal_ = {status, std::move(detail)};
  keep_alive_ = false;
  return progress::refused;
}

void request_reader::release_spare() {
  if (buffer_.size() == 0 && buffer_.capacity() > 0)
    buffer_.shrink_to_fit();
}

} // namespace troupe
