#pragma once

#include "gateway/http/closing_connection.hpp"
#include "gateway/http/coalescing_stream.hpp"
#include "gateway/http/output_queue.hpp"
#include "gateway/http/server_core.hpp"
#include "gateway/requests/access_log.hpp"
#include "gateway/requests/transport.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace troupe {

/// One WebSocket. Beast speaks the protocol: the handshake, reading, control frames,
/// the closing handshake; data frames go out through the layer below it. A client
/// that reads too slowly is closed with 1013, one that is silent is pinged and then
/// dropped. Owned by the core; the listener's handle only points at it.
class websocket_session final : public server_connection, public std::enable_shared_from_this<websocket_session> {
public:
  /// `rest` is what HTTP has not yet written, `early` what it has read too much.
  websocket_session(std::shared_ptr<server_core> core, tcp_socket socket, output_queue rest,
                    boost::beast::flat_buffer early, std::shared_ptr<websocket_listener> listener);
  ~websocket_session() override;

  /// Answers the handshake, with `added` among its fields. Call once the core has it.
  void start(const http_request& request, const header_fields& added);

  // -- for the handle -----------------------------------------------------------

  void send(std::shared_ptr<const std::string> text);
  void close(unsigned code, std::string_view reason);
  void hold() noexcept { held_ = true; }
  void release();
  void tell_when_drained(std::function<void()> drained);
  [[nodiscard]] std::size_t queued_bytes() { return layer().queue().bytes(); }

  // -- for the core -------------------------------------------------------------

  void on_tick() override;
  void on_stop() override;
  void flush() override;
  void abort() override;
  void abandon() override;
  [[nodiscard]] std::uint32_t unfinished_since() const noexcept override;
  [[nodiscard]] std::uint32_t unread_since() const noexcept override;
  void shed_unfinished() override;
  void shed_unread() override;

private:
  class handle;
  using stream = boost::beast::websocket::stream<coalescing_stream, false>;

  [[nodiscard]] coalescing_stream& layer() noexcept { return stream_.next_layer(); }
  void on_open(const boost::system::error_code& error);
  void read();
  void read_some();
  void on_read(const boost::system::error_code& error);
  void on_message();
  void saw_client();
  void count_unfinished();
  void on_drained();
  void judge_closing();
  void judge_silence();
  [[nodiscard]] std::uint64_t delivered() noexcept;
  void linger(closing_connection::client client);
  void detach();

  std::shared_ptr<server_core> core_;
  stream stream_;
  boost::beast::flat_buffer message_;
  std::shared_ptr<websocket_listener> listener_;
  std::shared_ptr<handle> handle_;
  access_trail access_;
  server_core::ticks last_seen_;
  std::function<void()> drained_;
  /// How the client sends a message, and how it reads what the socket has no room for, or
  /// what is left before the end.
  pace sending_;
  pace reading_;
  std::uint64_t received_ = 0;
  std::uint64_t last_delivered_ = 0;

  bool open_ = false;
  bool reading_on_ = false;
  bool in_message_ = false;
  bool held_ = false;
  bool pinged_ = false;
  bool waiting_writable_ = false;
  bool closing_ = false;
  bool ended_ = false;
};

} // namespace troupe
