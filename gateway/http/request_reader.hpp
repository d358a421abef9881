#pragma once

#include "gateway/http/growing_body.hpp"
#include "gateway/http/server.hpp"
#include "gateway/requests/transport.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// Turns the bytes of one connection into requests. Beast parses; what stands here
/// is what Beast alone would let through: the framing guard, the limits, no trailers.
/// Bytes beyond the current request stay in the buffer, which is what pipelining
/// needs. Knows no socket.
class request_reader {
public:
  enum class progress {
    /// All bytes are used up, and the request is not whole.
    need_more,
    /// The client waits for a 100 before it sends the body; go on with `advance`.
    send_continue,
    /// `take` it.
    complete,
    /// See `refusal`; nothing that follows can be trusted.
    refused,
  };

  struct refused_request {
    unsigned status = 400;
    std::string detail;
  };

  explicit request_reader(const transport_limits& limits);

  /// Room for the next read; empty if what is buffered has to be used up first.
  [[nodiscard]] boost::asio::mutable_buffer prepare();
  void commit(std::size_t count) {
    buffer_.commit(count);
    received_ += count;
  }

  [[nodiscard]] progress advance();

  /// The complete request. Afterwards the next one is read.
  [[nodiscard]] http_request take();

  [[nodiscard]] const refused_request& refusal() const noexcept { return refusal_; }
  /// What is known of the request that is being read, or was refused.
  [[nodiscard]] const http_request& current() const noexcept { return request_; }

  // -- of the current request, from its header on -----------------------------------

  /// The client wants the connection kept (RFC 9112, section 9.3).
  [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
  [[nodiscard]] bool is_http_1_0() const noexcept { return http_1_0_; }

  /// Bytes of a request have come.
  [[nodiscard]] bool started() const noexcept { return parser_ || buffer_.size() > 0; }
  /// The header is read, the body is not.
  [[nodiscard]] bool in_body() const noexcept { return parser_.has_value(); }

  /// Bytes that have come in all.
  [[nodiscard]] std::uint64_t received() const noexcept { return received_; }
  /// Bytes of memory that a request which is not complete holds.
  [[nodiscard]] std::size_t held() const noexcept;

  /// Bytes read beyond the last request, for whoever takes the connection over.
  [[nodiscard]] boost::beast::flat_buffer take_rest() { return std::move(buffer_); }

  /// Gives back the buffer, if it is empty.
  void release_spare();

private:
  using parser = boost::beast::http::request_parser<growing_body>;

  progress read_header();
  progress begin_request(std::string_view raw);
  progress read_body();
  progress refuse(unsigned status, std::string detail);
  progress refuse_unfinished_header();
  progress refuse_unfinished_body();
  [[nodiscard]] bool has_bare_line_feed();
  std::optional<refused_request> take_target(std::string_view target);

  const transport_limits& limits_;
  boost::beast::flat_buffer buffer_;
  std::uint64_t received_ = 0;
  /// Where the search for line ends goes on.
  std::size_t searched_ = 0;
  std::optional<parser> parser_;
  http_request request_;
  bool keep_alive_ = false;
  bool http_1_0_ = false;
  bool expects_continue_ = false;
  refused_request refusal_;
};

} // namespace troupe
