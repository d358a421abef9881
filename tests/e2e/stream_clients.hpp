#pragma once

#include "tests/e2e/http_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// Synchronous readers of the server's two live doors. Both read on while they
/// wait, and keep what nobody has asked for yet.
namespace troupe {

/// A frame, as either door delivers it.
using frame_test = std::function<bool(const json& frame)>;

/// Matches frames of one type.
frame_test of_type(std::string type);

// -- WebSocket ------------------------------------------------------------------

class websocket_client {
public:
  /// Connects and shakes hands; throws std::runtime_error with the server's answer
  /// if it refuses.
  websocket_client(std::uint16_t port, const std::string& target);

  void send(const json& frame);
  /// Sends a text message as it is; it need not be JSON.
  void send_text(const std::string& text);
  void send_binary(const std::string& bytes);
  /// Writes to the socket past the WebSocket layer.
  void send_raw(const std::string& bytes);

  /// The next frame; nullopt if none comes within `limit` or the connection ends.
  std::optional<json> next(std::chrono::milliseconds limit = patience);

  /// Frames up to and including the first one for which `last` holds. Throws with
  /// what came instead if it does not come.
  std::vector<json> until(const frame_test& last, std::chrono::milliseconds limit = patience);

  /// Waits for the server to close and returns its close code (1006: it just went).
  unsigned wait_for_close(std::chrono::milliseconds limit = patience);

  [[nodiscard]] bool is_open() const noexcept { return open_; }

  /// Drops the connection without a close handshake.
  void drop();

private:
  void read();
  bool pump(const std::function<bool()>& reached, std::chrono::milliseconds limit);
  void write(const std::string& bytes, bool binary);

  boost::asio::io_context io_;
  boost::beast::websocket::stream<boost::beast::tcp_stream> stream_;
  boost::beast::flat_buffer buffer_;
  std::deque<json> inbox_;
  bool open_ = true;
};

// -- server-sent events ----------------------------------------------------------

struct sse_frame {
  std::string id;
  std::string event;
  std::string data;
};

class sse_client {
public:
  /// Asks for `target` with `Accept: text/event-stream`.
  sse_client(std::uint16_t port, const std::string& target, const header_list& headers = {});

  /// The answer's head.
  [[nodiscard]] const http_reply& head() const noexcept { return head_; }

  /// The next event; nullopt if none comes within `limit` or the stream ends.
  std::optional<sse_frame> next(std::chrono::milliseconds limit = patience);

  /// Frames up to and including the first one for which `last` holds.
  std::vector<json> until(const frame_test& last, std::chrono::milliseconds limit = patience);

  [[nodiscard]] bool is_open() const noexcept { return open_; }

private:
  void read();
  void take_events();

  boost::asio::io_context io_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  boost::beast::http::response_parser<boost::beast::http::string_body> parser_;
  http_reply head_;
  std::deque<sse_frame> inbox_;
  bool open_ = true;
};

} // namespace troupe
