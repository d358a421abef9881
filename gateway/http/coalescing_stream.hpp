#pragma once

#include "gateway/http/output_queue.hpp"
#include "gateway/http/server_core.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/role.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace troupe {

/// The layer between Beast's WebSocket and the socket. What Beast writes (the
/// handshake and control frames, each whole in one write) is queued and reported as
/// written; data frames are queued beside it, past Beast: a server's frames are
/// unmasked, so one payload serves all receivers, and sending one is storing a
/// pointer. The owner is scheduled for a flush and then writes all that is queued
/// in as few system calls as possible. While the client reads nothing, Beast's writes are
/// not reported as written, so that Beast reads nothing more that it would have to answer.
class coalescing_stream {
public:
  using executor_type = tcp_socket::executor_type;

  /// `early` holds bytes that were read before the WebSocket began.
  coalescing_stream(server_core& core, server_connection& owner, tcp_socket socket, output_queue queue,
                    boost::beast::flat_buffer early)
    : core_(core), owner_(owner), socket_(std::move(socket)), queue_(std::move(queue)), early_(std::move(early)) {}

  [[nodiscard]] executor_type get_executor() noexcept { return socket_.get_executor(); }
  [[nodiscard]] tcp_socket& socket() noexcept { return socket_; }
  [[nodiscard]] output_queue& queue() noexcept { return queue_; }

  /// Queues `payload` as one unfragmented text frame (RFC 6455, section 5.2).
  void push_text(std::shared_ptr<const std::string> payload) {
    std::array<char, 10> head;
    const auto size = payload->size();
    const std::size_t length_bytes = size < 126 ? 0 : size <= 0xffff ? 2 : 8;
    head[0] = static_cast<char>(0x81);
    head[1] = static_cast<char>(length_bytes == 0 ? size : length_bytes == 2 ? 126 : 127);
    for (std::size_t i = 0; i < length_bytes; ++i)
      head[2 + i] = static_cast<char>(size >> (8 * (length_bytes - 1 - i)));
    queue_.push({head.data(), 2 + length_bytes}, std::move(payload));
  }

  /// Queues a ping without a payload.
  void push_ping() {
    queue_.push(std::string_view{"\x89\x00", 2});
    core_.schedule_flush(owner_);
  }

  /// Queues a close frame past Beast, for a connection that ends right behind it. `reason`
  /// has at most 123 bytes.
  void push_close(unsigned code, std::string_view reason) {
    std::string frame{'\x88', static_cast<char>(2 + reason.size()), static_cast<char>(code >> 8U),
                      static_cast<char>(code & 0xffU)};
    queue_.push(frame.append(reason));
  }

  // -- AsyncStream, for Beast --------------------------------------------------

  template <class Buffers, class Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    return boost::asio::async_initiate<Handler, void(boost::system::error_code, std::size_t)>(
      [this](auto read_handler, const Buffers& into) {
        if (early_.size() == 0)
          return socket_.async_read_some(into, std::move(read_handler));
        const auto count = boost::asio::buffer_copy(into, early_.data());
        early_.consume(count);
        if (early_.size() == 0)
          early_.shrink_to_fit();
        complete(std::move(read_handler), count);
      },
      handler, buffers);
  }

  template <class Buffers, class Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    return boost::asio::async_initiate<Handler, void(boost::system::error_code, std::size_t)>(
      [this](auto write_handler, const Buffers& from) {
        const auto bytes = boost::beast::buffers_to_string(from);
        queue_.push(bytes);
        core_.schedule_flush(owner_);
        if (queue_.cost() <= answered_ahead)
          return complete(std::move(write_handler), bytes.size());
        const auto kept = std::make_shared<decltype(write_handler)>(std::move(write_handler));
        unwritten_ = [this, kept, size = bytes.size()] { complete(std::move(*kept), size); };
      },
      handler, buffers);
  }

  /// The socket has taken all that was queued.
  void on_drained() {
    if (unwritten_)
      std::exchange(unwritten_, nullptr)();
  }
  /// The connection ends: nobody is told of what was not written.
  void give_up() { unwritten_ = nullptr; }

  // -- what Beast asks of a layer that is not a socket ----------------------------

  friend void beast_close_socket(coalescing_stream& stream) {
    boost::system::error_code ignored;
    stream.socket_.close(ignored);
  }

  /// The session ends the connection itself, once the close frame is written.
  friend void teardown(boost::beast::role_type, coalescing_stream&, boost::system::error_code& error) { error = {}; }

  template <class Handler>
  friend void async_teardown(boost::beast::role_type, coalescing_stream& stream, Handler&& handler) {
    boost::asio::post(stream.get_executor(),
                      boost::beast::bind_front_handler(std::forward<Handler>(handler), boost::system::error_code{}));
  }

private:
  /// Up to here what Beast writes counts as written.
  static constexpr std::size_t answered_ahead = 64 * 1024;

  template <class Handler>
  void complete(Handler handler, std::size_t count) {
    boost::asio::post(get_executor(),
                      boost::beast::bind_front_handler(std::move(handler), boost::system::error_code{}, count));
  }

  server_core& core_;
  server_connection& owner_;
  tcp_socket socket_;
  output_queue queue_;
  boost::beast::flat_buffer early_;
  /// What Beast waits for; it writes one thing at a time.
  std::function<void()> unwritten_;
};

} // namespace troupe
