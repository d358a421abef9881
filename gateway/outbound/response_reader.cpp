#include "gateway/outbound/response_reader.hpp"

#include "config/ascii.hpp"
#include "gateway/outbound/sentences.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::size_t max_header = 64 * 1024;

/// Ends an endless chunk extension or trailer: Beast wants each whole.
constexpr std::size_t rest_limit = max_header + 1024;

/// What is kept for the next rest.
constexpr std::size_t spare_limit = 1024;

/// A chunk's end and the next one's size line fit in a string that allocates nothing.
constexpr std::size_t first_piece = 12;

std::string_view as_standard(beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

} // namespace

// -- the parser -----------------------------------------------------------------

bool response_reader::parser::awaits_last_chunk(std::string_view bytes) const {
  return is_header_done() && chunked() && chunk_left_ == 0 && bytes.size() < 5 && bytes.starts_with('0');
}

void response_reader::parser::refuse(std::string problem, error_code& error) {
  owner_.problem_ = std::move(problem);
  error = asio::error::operation_aborted;
}

void response_reader::parser::on_field_impl(http::field, text name, text value, error_code& error) {
  header_bytes_ += name.size() + value.size() + 4;
  if (header_bytes_ > max_header) {
    error = http::error::header_limit;
    return;
  }
  // What follows the last chunk (a trailer) is nothing that anybody waits for.
  if (is_header_done())
    return;
  auto lower = lower_case(as_standard(name));
  // Beast takes other codings, too, and then reads to the end of the connection.
  if (lower == "transfer-encoding" && !beast::iequals(value, "chunked"))
    refuse("has a transfer encoding other than chunked", error);
  else
    head_.headers.emplace_back(std::move(lower), as_standard(value));
}

void response_reader::parser::on_header_impl(error_code& error) {
  if (head_.status < 100 || head_.status == 101) {
    refuse(head_.status == 101 ? "changes to a protocol that was not asked for" : "has a status that is none", error);
    return;
  }
  if (is_interim())
    return;
  const bool has_body = !is_done();
  const auto coding = head_.header("content-encoding");
  if (has_body && !coding.empty() && !beast::iequals(coding, "identity")) {
    refuse("is compressed, which was not asked for", error);
    return;
  }
  owner_.sink_.on_head(std::move(head_));
}

std::size_t response_reader::parser::on_body_impl(text body, error_code& error) {
  if (!body.empty() && !owner_.sink_.on_part(as_standard(body)))
    error = asio::error::operation_aborted;
  return body.size();
}

std::size_t response_reader::parser::on_chunk_body_impl(std::uint64_t, text body, error_code& error) {
  chunk_left_ -= body.size();
  return on_body_impl(body, error);
}

// -- the reader -----------------------------------------------------------------

response_reader::response_reader(response_sink& sink, bool bodiless, std::size_t max_body)
  : sink_{sink}, bodiless_{bodiless}, max_body_{max_body} {
  start_parser();
}

void response_reader::start_parser() {
  parser_.emplace(*this);
  parser_->skip(bodiless_);
  parser_->body_limit(max_body_);
  parser_->header_limit(max_header);
}

response_reader::progress response_reader::feed(std::string_view bytes) {
  started_ = started_ || !bytes.empty();
  while (!bytes.empty()) {
    outcome result{};
    if (rest_.empty()) {
      std::size_t used = 0;
      result = put(bytes, used);
      bytes.remove_prefix(used);
      if (result == outcome::need_more)
        return keep(bytes);
    } else {
      result = put_joined(bytes);
    }
    if (result == outcome::failed)
      return progress::failed;
    if (result == outcome::complete) {
      tidy_ = bytes.empty() && rest_.empty();
      return progress::complete;
    }
    if (rest_.size() > rest_limit)
      return keep({});
  }
  return progress::need_more;
}

/// Gives what is left of earlier bytes to the parser with no more of the new ones than
/// it takes, so that the body behind them is passed on from where it lies.
response_reader::outcome response_reader::put_joined(std::string_view& bytes) {
  const auto held = rest_.size();
  const auto wanted = parser_->is_header_done() ? std::max(first_piece, held) : bytes.size();
  const auto added = std::min(wanted, bytes.size());
  rest_.append(bytes.substr(0, added));
  std::size_t used = 0;
  const auto result = put(rest_, used);
  if (used < held) {
    rest_.erase(0, used);
    bytes.remove_prefix(added);
    return result;
  }
  rest_.clear();
  if (rest_.capacity() > spare_limit)
    rest_.shrink_to_fit();
  bytes.remove_prefix(used - held);
  return result;
}

response_reader::outcome response_reader::put(std::string_view bytes, std::size_t& used) {
  if (parser_->awaits_last_chunk(bytes))
    return outcome::need_more;
  beast::error_code error;
  used = parser_->put(asio::const_buffer{bytes.data(), bytes.size()}, error);
  if (error == http::error::need_more)
    return outcome::need_more;
  if (!error)
    return parser_->is_done() ? end_message() : outcome::go_on;
  if (error == http::error::header_limit)
    fail("has a header of more than " + std::to_string(max_header) + " bytes");
  else if (error == http::error::body_limit)
    fail("is longer than " + std::to_string(max_body_) + " bytes");
  else if (error != asio::error::operation_aborted)
    fail("is not HTTP (" + error_text(error) + ")");
  return outcome::failed;
}

response_reader::outcome response_reader::end_message() {
  if (!parser_->is_interim())
    return outcome::complete;
  start_parser();
  return outcome::go_on;
}

response_reader::progress response_reader::keep(std::string_view bytes) {
  rest_.append(bytes);
  if (rest_.size() <= rest_limit)
    return progress::need_more;
  return fail(parser_->is_header_done() ? "is not HTTP (a chunk's header has no end)"
                                        : "has a header of more than " + std::to_string(max_header) + " bytes");
}

response_reader::progress response_reader::finish() {
  if (!parser_->got_some() || !parser_->is_header_done())
    return progress::failed;
  beast::error_code error;
  parser_->put_eof(error);
  return error ? progress::failed : progress::complete;
}

response_reader::progress response_reader::fail(std::string problem) {
  problem_ = std::move(problem);
  return progress::failed;
}

} // namespace troupe
