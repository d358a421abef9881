#pragma once

#include "gateway/http/answer_output.hpp"
#include "gateway/http/pace.hpp"
#include "gateway/http/request_patience.hpp"
#include "gateway/http/request_reader.hpp"
#include "gateway/http/server_core.hpp"
#include "gateway/requests/access_log.hpp"
#include "gateway/requests/transport.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace troupe {

/// One HTTP connection: reads requests, hands each to the routes as an exchange, and
/// writes the answers, one request at a time and therefore in order. Answers that
/// come while it reads are written together. Owned by the core until it ends or
/// passes its socket on (to a websocket_session, or to a closing_connection).
class http_session final : public server_connection, public std::enable_shared_from_this<http_session> {
public:
  http_session(std::shared_ptr<server_core> core, tcp_socket socket);

  /// Call once the core has it.
  void start();

  // -- for its exchange; each is ignored if the request is past it -----------------

  /// Without a value: the exchange was dropped, which is answered with 500, or cuts
  /// the stream that it had begun.
  void answer(std::optional<http_response> response);
  void start_stream(http_response head);
  void write_stream(std::shared_ptr<const std::string> part);
  void finish_stream();
  void upgrade(const http_request& request, const header_fields& added, std::shared_ptr<websocket_listener> listener);
  /// False if the connection has ended: `gone` will not be called.
  [[nodiscard]] bool watch(const std::function<void()>& gone);
  [[nodiscard]] std::size_t queued_bytes() const noexcept { return output_.bytes(); }
  void tell_when_drained(std::function<void()> drained);

  // -- for the core ---------------------------------------------------------------

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
  enum class phase {
    /// Between requests, or in the middle of one.
    reading,
    /// The routes have the request.
    busy,
    /// The answer has begun and is not finished.
    streaming,
    /// All is answered; it remains to be written.
    closing,
    /// The socket is closed or has another owner.
    ended,
  };

  void advance();
  bool step();
  void dispatch();
  void name_request(http_request& request);
  void append_answer(http_response&& response);
  void end_answer();
  void refuse(unsigned status, std::string_view detail);

  bool write_out();
  void settle();
  void judge_reader();
  void wait_readable();
  void stop_waiting(const boost::system::error_code& error);
  void wait_writable();
  void on_readable();
  void on_client_done();
  void probe();
  void watch_for_loss();
  void linger();
  void drop_slow_reader();

  std::shared_ptr<server_core> core_;
  tcp_socket socket_;
  request_reader reader_;
  answer_output output_;
  std::function<void()> gone_;
  std::function<void()> drained_;
  /// Of the current request.
  std::string request_id_;
  access_trail access_;
  request_patience patience_;
  /// How the client reads what the socket has no room for.
  pace reading_;

  phase phase_ = phase::reading;
  bool advancing_ = false;
  bool waiting_readable_ = false;
  bool waiting_writable_ = false;
  bool keep_alive_ = true;
  bool http_1_0_ = false;
  bool is_head_ = false;
  /// It has nothing more to say, and may still read.
  bool client_done_ = false;
  bool probing_ = false;
};

} // namespace troupe
