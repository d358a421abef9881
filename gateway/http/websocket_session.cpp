#include "gateway/http/websocket_session.hpp"

#include <boost/asio/error.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/beast/websocket/stream_base.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;

/// What a read asks for while no message has begun, and within one.
constexpr std::size_t idle_read = 256;
constexpr std::size_t message_read = 32 * 1024;

/// Room that a connection keeps between two messages.
constexpr std::size_t kept_message_room = 1024;

/// From here on a write is worth a system call of its own, so that a large answer
/// to a fast reader is not mistaken for a slow one.
constexpr std::size_t early_flush_bytes = 256 * 1024;

/// RFC 6455, section 5.5: a control frame carries 125 bytes, two of them the code.
constexpr std::size_t max_reason = 123;

/// Whether UTF-8 that is valid so far ends before its last character does. Beast judges
/// the fragments; that the last one may be empty, and the message cut, is looked at here.
bool ends_within_character(std::string_view text) noexcept {
  for (std::size_t behind = 1; behind <= std::min<std::size_t>(text.size(), 3); ++behind) {
    const auto byte = static_cast<unsigned char>(text[text.size() - behind]);
    if ((byte & 0xC0U) != 0x80U)
      return byte >= 0xF0U ? behind < 4 : byte >= 0xE0U ? behind < 3 : byte >= 0xC0U && behind < 2;
  }
  return false;
}

/// What Beast has answered a violation with (RFC 6455, section 7.4.1), or the client's own code.
unsigned close_code_of(const boost::system::error_code& error, unsigned said) {
  constexpr unsigned without_code = 1005;
  if (error == beast::websocket::error::closed)
    return said == 0 ? without_code : said;
  if (error == beast::websocket::error::message_too_big)
    return 1009;
  return error == beast::websocket::error::bad_frame_payload ? 1007 : 1002;
}

} // namespace

/// What the routes hold. It outlives the session harmlessly.
class websocket_session::handle final : public websocket_connection {
public:
  explicit handle(websocket_session& session) : session_(&session) {}

  void send(std::shared_ptr<const std::string> text) override {
    if (session_)
      session_->send(std::move(text));
  }
  void close(unsigned code, std::string_view reason) override {
    if (session_)
      session_->close(code, reason);
  }
  void hold() override {
    if (session_)
      session_->hold();
  }
  void release() override {
    if (session_)
      session_->release();
  }
  void tell_when_drained(std::function<void()> drained) override {
    if (session_)
      session_->tell_when_drained(std::move(drained));
  }
  [[nodiscard]] std::size_t queued_bytes() const override { return session_ ? session_->queued_bytes() : 0; }

  void detach() noexcept { session_ = nullptr; }

private:
  websocket_session* session_;
};

websocket_session::websocket_session(std::shared_ptr<server_core> core, tcp_socket socket, output_queue rest,
                                     beast::flat_buffer early, std::shared_ptr<websocket_listener> listener)
  : core_(std::move(core)), stream_(*core_, *this, std::move(socket), std::move(rest), std::move(early)),
    listener_(std::move(listener)), handle_(std::make_shared<handle>(*this)), last_seen_(core_->now()) {
  stream_.read_message_max(core_->limits().message_bytes);
  stream_.control_callback([this](beast::websocket::frame_type, beast::string_view) { saw_client(); });
}

websocket_session::~websocket_session() {
  handle_->detach();
}

void websocket_session::start(const http_request& request, const header_fields& added) {
  core_->observer().websocket_connections(1);
  access_.take_over(core_->observer().access, request);
  access_.answered(101, 0);
  stream_.set_option(
    beast::websocket::stream_base::decorator{[added, id = request.id](beast::websocket::response_type& response) {
      // Else Beast puts itself and its version there.
      response.set(http::field::server, "Troupe");
      response.set("X-Request-Id", id);
      for (const auto& [name, value] : added)
        response.set(name, value);
    }});
  // Only what the handshake is made of: the request stays with the routes.
  http::request<http::empty_body> handshake{http::verb::get, "/", 11};
  for (const auto field : {http::field::host, http::field::upgrade, http::field::connection,
                           http::field::sec_websocket_key, http::field::sec_websocket_version})
    handshake.set(field, request.headers[field]);
  stream_.async_accept(handshake, [self = shared_from_this()](const boost::system::error_code& error) {
    self->core_->guarded(*self, [&] { self->on_open(error); });
  });
}

void websocket_session::on_open(const boost::system::error_code& error) {
  if (ended_)
    return;
  open_ = true;
  core_->schedule_flush(*this);
  if (error)
    return linger(closing_connection::client::may_still_send);
  listener_->on_open(handle_);
  if (ended_)
    return;
  if (core_->stopping())
    on_stop();
  read();
}

// -- reading ----------------------------------------------------------------------

void websocket_session::read() {
  // Within a message, and while it closes, it is read on: what is held is the next one.
  if (ended_ || reading_on_ || (held_ && !closing_ && stream_.is_message_done()))
    return;
  reading_on_ = true;
  if (message_.size() > server_core::read_at_once)
    core_->take_turn([self = shared_from_this()] { self->core_->guarded(*self, [&] { self->read_some(); }); });
  else
    read_some();
}

void websocket_session::read_some() {
  if (ended_) {
    reading_on_ = false;
    return;
  }
  const auto limit = stream_.is_message_done() ? idle_read : message_read;
  stream_.async_read_some(message_, limit,
                          [self = shared_from_this()](const boost::system::error_code& error, std::size_t count) {
                            self->reading_on_ = false;
                            self->received_ += count;
                            self->core_->guarded(*self, [&] { self->on_read(error); });
                          });
}

void websocket_session::release() {
  held_ = false;
  // Not while the session has a message in its hands: it reads on by itself.
  if (open_ && !in_message_)
    read();
}

void websocket_session::on_read(const boost::system::error_code& error) {
  if (ended_)
    return;
  if (error == boost::asio::error::operation_aborted && closing_)
    return; // the closing handshake took the reading over, and reports how it ended
  if (error) {
    // Beast has answered a close or a violation; after a broken connection nothing
    // can be written any more.
    if (error.category() == boost::asio::error::get_system_category()
        || error.category() == boost::asio::error::get_misc_category())
      return abort();
    access_.closed(close_code_of(error, stream_.reason().code));
    return linger(error == beast::websocket::error::closed ? closing_connection::client::has_said_goodbye
                                                           : closing_connection::client::may_still_send);
  }
  saw_client();
  if (closing_)
    message_.clear();
  else if (stream_.got_binary())
    close(1003, "text messages only");
  else if (stream_.is_message_done())
    on_message();
  count_unfinished();
  read();
}

void websocket_session::on_message() {
  auto text = beast::buffers_to_string(message_.cdata());
  message_.clear();
  sending_.stop();
  if (message_.capacity() > kept_message_room)
    message_.shrink_to_fit();
  core_->observer().websocket_frames_received(1);
  access_.received();
  if (ends_within_character(text))
    return close(1007, "a character is cut at the end of the message");
  in_message_ = true;
  listener_->on_text(std::move(text));
  in_message_ = false;
}

/// A message that has begun is counted, and has to come on.
void websocket_session::count_unfinished() {
  const auto unfinished = !ended_ && !closing_ && !stream_.is_message_done();
  core_->charge(*this, unfinished ? message_.capacity() : 0);
  if (!unfinished)
    sending_.stop();
  else if (!sending_.running())
    sending_.start(core_->now(), received_);
}

void websocket_session::saw_client() {
  last_seen_ = core_->now();
  pinged_ = false;
}

std::uint64_t websocket_session::delivered() noexcept {
  return delivered_bytes(layer().socket().native_handle(), layer().queue());
}

// -- writing ----------------------------------------------------------------------

void websocket_session::send(std::shared_ptr<const std::string> text) {
  if (closing_ || ended_)
    return;
  auto& queue = layer().queue();
  access_.sent(text->size());
  layer().push_text(std::move(text));
  core_->count_frame_sent();
  core_->look_at_unread();
  if (queue.bytes() > early_flush_bytes && !waiting_writable_)
    flush();
  if (ended_)
    return;
  if (queue.cost() <= core_->limits().queue_bytes)
    return core_->schedule_flush(*this);
  core_->observer().slow_reader_closed();
  queue.drop_unsent();
  close(1013, "the client reads too slowly");
}

void websocket_session::close(unsigned code, std::string_view reason) {
  if (ended_ || std::exchange(closing_, true))
    return;
  access_.closed(code);
  reading_.start(core_->now(), delivered());
  reason = reason.substr(0, max_reason);
  const beast::websocket::close_reason why{static_cast<beast::websocket::close_code>(code),
                                           beast::string_view{reason.data(), reason.size()}};
  stream_.async_close(why, [self = shared_from_this()](const boost::system::error_code& error) {
    self->linger(error ? closing_connection::client::may_still_send : closing_connection::client::has_said_goodbye);
  });
}

void websocket_session::flush() {
  // The answer to the handshake waits for the listener, so that a client which sees
  // itself connected misses nothing that is sent to all.
  if (!open_ || ended_ || waiting_writable_)
    return;
  switch (layer().queue().write_to(layer().socket().native_handle(), core_->scratch())) {
  case output_queue::status::drained: return on_drained();
  case output_queue::status::failed: return abort();
  case output_queue::status::blocked: break;
  }
  waiting_writable_ = true;
  if (!reading_.running())
    reading_.start(core_->now(), delivered());
  layer().socket().async_wait(tcp_socket::wait_write,
                              [self = shared_from_this()](const boost::system::error_code& error) {
                                self->waiting_writable_ = false;
                                self->core_->guarded(*self, [&] { error ? self->abort() : self->flush(); });
                              });
}

void websocket_session::on_drained() {
  if (!closing_)
    reading_.stop();
  layer().on_drained();
  if (drained_)
    core_->defer(std::exchange(drained_, nullptr));
}

void websocket_session::tell_when_drained(std::function<void()> drained) {
  drained_ = std::move(drained);
  core_->schedule_flush(*this);
}

// -- time and the end ---------------------------------------------------------------

void websocket_session::on_tick() {
  if (ended_)
    return;
  if (closing_)
    return judge_closing();
  layer().queue().release_spare();
  if (!reading_on_ && was_reset(layer().socket().native_handle()))
    return abort();
  if (sending_.is_lost(core_->now(), received_, core_->sending_rule(core_->limits().message_bytes)))
    return close(1008, "the message did not arrive in time");
  judge_silence();
}

/// Who is still reading what was queued before the close gets all of it.
void websocket_session::judge_closing() {
  if (reading_.is_lost(core_->now(), delivered(), core_->closing_rule()))
    abort();
}

void websocket_session::judge_silence() {
  // A client that is not read from cannot show that it is there but by reading.
  const auto delivered_now = delivered();
  if (!reading_on_ && (!waiting_writable_ || delivered_now != last_delivered_))
    last_seen_ = core_->now();
  last_delivered_ = delivered_now;
  const auto timeout = std::chrono::milliseconds{core_->limits().websocket_idle_timeout};
  const auto silent = (core_->now() - last_seen_) * server_core::tick_interval;
  if (silent >= timeout + server_core::tick_interval)
    return abort();
  if (open_ && !pinged_ && silent >= timeout / 2) {
    pinged_ = true;
    layer().push_ping();
  }
}

std::uint32_t websocket_session::unfinished_since() const noexcept {
  return !closing_ && sending_.running() ? sending_.since() : 0;
}

/// Without waiting for the client's own close: the message is held as long as the session is.
void websocket_session::shed_unfinished() {
  constexpr unsigned code = 1013;
  access_.closed(code);
  layer().push_close(code, "too many unfinished messages");
  linger(closing_connection::client::may_still_send);
}

std::uint32_t websocket_session::unread_since() const noexcept {
  return !closing_ && waiting_writable_ ? reading_.since() : 0;
}

void websocket_session::shed_unread() {
  core_->observer().slow_reader_closed();
  layer().queue().drop_unsent();
  close(1013, "the client reads too slowly");
}

void websocket_session::on_stop() {
  // Before the handshake is done nothing can be closed; `on_open` sees to it then.
  if (open_)
    close(1012, "the server is restarting");
}

/// Lets the last frames be written and ends the connection.
void websocket_session::linger(closing_connection::client client) {
  if (std::exchange(ended_, true))
    return;
  boost::system::error_code ignored;
  layer().socket().cancel(ignored);
  layer().give_up();
  auto last
    = std::make_shared<closing_connection>(core_, std::move(layer().socket()), std::move(layer().queue()), client);
  detach();
  core_->replace(*this, last);
  last->start();
}

void websocket_session::abort() {
  if (std::exchange(ended_, true))
    return;
  boost::system::error_code ignored;
  layer().socket().close(ignored);
  layer().queue() = {};
  layer().give_up();
  detach();
  core_->remove(*this);
}

void websocket_session::detach() {
  core_->observer().websocket_connections(-1);
  access_.end();
  handle_->detach();
  drained_ = nullptr;
  core_->defer([listener = std::exchange(listener_, nullptr)] { listener->on_close(); });
}

void websocket_session::abandon() {
  ended_ = true;
  drained_ = nullptr;
  layer().give_up();
  handle_->detach();
  listener_.reset();
  boost::system::error_code ignored;
  layer().socket().close(ignored);
}

} // namespace troupe
