#include "gateway/http/session.hpp"

#include "gateway/http/closing_connection.hpp"
#include "gateway/http/exchange.hpp"
#include "gateway/http/response_head.hpp"
#include "gateway/http/websocket_session.hpp"
#include "gateway/requests/problem.hpp"
#include "gateway/requests/request_id.hpp"

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

namespace troupe {

namespace {

/// Answers collected past this are written before the next request is read.
constexpr std::size_t batch_bytes = 64 * 1024;

/// A request with a body from here on is counted until it is answered.
constexpr std::size_t counted_body = 4 * 1024;

/// Unanswered, they end a connection.
constexpr int probes = 6;

} // namespace

http_session::http_session(std::shared_ptr<server_core> core, tcp_socket socket)
  : core_(std::move(core)), socket_(std::move(socket)), reader_(core_->limits()) {}

void http_session::start() {
  core_->observer().http_connections(1);
  patience_.begin(*core_);
  // The first request is often there already, and then needs no wait.
  on_readable();
}

// -- reading ----------------------------------------------------------------------

void http_session::wait_readable() {
  if (client_done_ || std::exchange(waiting_readable_, true))
    return;
  socket_.async_wait(tcp_socket::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
    if (!error && self->reader_.held() > server_core::read_at_once)
      self->core_->take_turn([self] { self->stop_waiting({}); });
    else
      self->stop_waiting(error);
  });
}

void http_session::stop_waiting(const boost::system::error_code& error) {
  waiting_readable_ = false;
  core_->guarded(*this, [&] { error ? abort() : on_readable(); });
}

void http_session::on_readable() {
  if (phase_ == phase::ended || phase_ == phase::closing)
    return;
  const auto room = reader_.prepare();
  // Full of what was pipelined: whether the client is still there cannot be seen.
  if (room.size() == 0)
    return;
  const auto count = ::recv(socket_.native_handle(), room.data(), room.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return wait_readable();
  if (count == 0)
    return on_client_done();
  if (count < 0)
    return abort();
  reader_.commit(static_cast<std::size_t>(count));
  if (phase_ == phase::reading)
    advance();
  else
    wait_readable();
}

/// The client has closed its side. It may have closed the other, too, which only shows
/// once something is sent to it.
void http_session::on_client_done() {
  client_done_ = true;
  if (phase_ == phase::busy || phase_ == phase::streaming)
    return watch_for_loss();
  if (phase_ == phase::reading && output_.empty())
    abort();
}

/// Has the kernel find out whether there is still somebody: a client that is gone for good
/// answers a probe with a reset (after a minute, as long as its kernel keeps the port), or
/// not at all.
void http_session::probe() {
  if (std::exchange(probing_, true))
    return;
  const auto socket = socket_.native_handle();
  const auto set
    = [socket](int level, int option, int value) { ::setsockopt(socket, level, option, &value, sizeof value); };
  const auto interval = static_cast<int>(core_->limits().probe_interval.count());
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, interval);
  set(IPPROTO_TCP, TCP_KEEPINTVL, interval);
  set(IPPROTO_TCP, TCP_KEEPCNT, probes);
}

void http_session::watch_for_loss() {
  probe();
  socket_.async_wait(tcp_socket::wait_error, [self = shared_from_this()](const boost::system::error_code& error) {
    // Cancelled if the socket has another owner now.
    if (!error)
      self->core_->guarded(*self, [&] { self->abort(); });
  });
}

/// Works through what is buffered, as far as the routes answer at once.
void http_session::advance() {
  // Backpressure: who does not read its answers is not asked for more requests.
  if (advancing_ || !output_.nothing_waits())
    return;
  advancing_ = true;
  output_.borrow_room(*core_);
  bool starved = false;
  bool written = true;
  while (written && !starved && phase_ == phase::reading) {
    starved = !step();
    const bool collect
      = !starved && phase_ == phase::reading && output_.nothing_waits() && output_.text().size() < batch_bytes;
    written = collect || (phase_ != phase::ended && write_out());
  }
  advancing_ = false;
  output_.return_room(*core_);
  if (written)
    settle();
}

bool http_session::step() {
  switch (reader_.advance()) {
  case request_reader::progress::need_more: return false;
  case request_reader::progress::send_continue: output_.text() += "HTTP/1.1 100 Continue\r\n\r\n"; return true;
  case request_reader::progress::refused: refuse(reader_.refusal().status, reader_.refusal().detail); return true;
  case request_reader::progress::complete: dispatch(); return true;
  }
  return false;
}

void http_session::dispatch() {
  phase_ = phase::busy;
  patience_.request_is_there();
  keep_alive_ = reader_.keep_alive();
  http_1_0_ = reader_.is_http_1_0();
  auto request = reader_.take();
  is_head_ = request.method == boost::beast::http::verb::head;
  core_->charge(*this, request.body.size() < counted_body ? 0 : request.body.capacity());
  name_request(request);
  try {
    core_->handler().on_request(std::make_shared<http_exchange>(core_, weak_from_this(), std::move(request)));
  } catch (...) {
    // The exchange was dropped on the way, and has answered for itself.
  }
}

void http_session::name_request(http_request& request) {
  request_id_ = request_id_of(request.headers);
  request.id = request_id_;
  access_.begin(core_->observer().access, request, [this] { return client_address(socket_); });
}

// -- answering --------------------------------------------------------------------

void http_session::answer(std::optional<http_response> response) {
  if (phase_ == phase::streaming && !response) {
    access_.cut("given_up");
    return abort();
  }
  if (phase_ != phase::busy)
    return;
  if (!advancing_)
    output_.borrow_room(*core_);
  append_answer(response ? std::move(*response) : core_->handler().refusal(500, "The request was left unanswered."));
  end_answer();
}

void http_session::append_answer(http_response&& response) {
  if (core_->stopping())
    keep_alive_ = false;
  const bool has_body = !is_head_ && !is_bodiless(response.status);
  add_request_id(response, request_id_);
  access_.answered(response.status, has_body ? response.body.size() : 0);
  append_response_head(output_.text(), response,
                       {.date_line = core_->date_line(),
                        .content_length = response.body.size(),
                        .chunked = false,
                        .keep_alive = keep_alive_,
                        .http_1_0 = http_1_0_,
                        .request_id = request_id_});
  if (has_body)
    output_.add_body(*core_, std::move(response.body));
}

void http_session::end_answer() {
  access_.end();
  core_->charge(*this, 0);
  gone_ = nullptr;
  phase_ = keep_alive_ && !core_->stopping() ? phase::reading : phase::closing;
  if (!advancing_)
    flush();
}

void http_session::refuse(unsigned status, std::string_view detail) {
  core_->charge(*this, 0);
  patience_.forget_body();
  keep_alive_ = false;
  is_head_ = false;
  auto seen = reader_.current();
  name_request(seen);
  append_answer(core_->handler().refusal(status, detail));
  access_.end();
  phase_ = phase::closing;
}

void http_session::start_stream(http_response head) {
  if (phase_ != phase::busy)
    return;
  phase_ = phase::streaming;
  if (http_1_0_ || core_->stopping())
    keep_alive_ = false;
  access_.answered(head.status, 0);
  append_response_head(output_.text(), head,
                       {.date_line = core_->date_line(),
                        .content_length = {},
                        .chunked = !http_1_0_,
                        .keep_alive = keep_alive_,
                        .http_1_0 = http_1_0_,
                        .request_id = request_id_});
  core_->charge(*this, 0);
  output_.queue_text(*core_);
  write_stream(std::make_shared<const std::string>(std::move(head.body)));
  core_->schedule_flush(*this);
}

void http_session::write_stream(std::shared_ptr<const std::string> part) {
  // A part of no bytes would read as the last chunk.
  if (phase_ != phase::streaming || is_head_ || part->empty())
    return;
  access_.sent(part->size());
  output_.add_part(std::move(part), !http_1_0_);
  if (output_.cost() <= core_->limits().queue_bytes)
    return core_->schedule_flush(*this);
  // The reader is slow only if the socket takes no more.
  if (waiting_writable_ || (!write_out() && output_.cost() > core_->limits().queue_bytes))
    drop_slow_reader();
}

void http_session::finish_stream() {
  if (phase_ != phase::streaming)
    return;
  if (!http_1_0_ && !is_head_)
    output_.add_last_chunk();
  gone_ = nullptr;
  access_.end();
  phase_ = keep_alive_ && !core_->stopping() ? phase::reading : phase::closing;
  core_->schedule_flush(*this);
}

bool http_session::watch(const std::function<void()>& gone) {
  if (phase_ != phase::busy && phase_ != phase::streaming)
    return false;
  gone_ = gone;
  probe();
  // While requests are worked through, `settle` begins to watch.
  if (!advancing_)
    wait_readable();
  return true;
}

void http_session::upgrade(const http_request& request, const header_fields& added,
                           std::shared_ptr<websocket_listener> listener) {
  if (phase_ != phase::busy)
    return;
  if (!request.is_websocket_upgrade || core_->stopping()) {
    append_answer(request.is_websocket_upgrade ? core_->handler().refusal(503, "The server is about to restart.")
                                               : core_->handler().refusal(400, "This is not a WebSocket handshake."));
    return end_answer();
  }
  phase_ = phase::ended;
  gone_ = nullptr;
  access_.let_go();
  output_.queue_text(*core_);
  boost::system::error_code ignored;
  socket_.cancel(ignored);
  auto next = std::make_shared<websocket_session>(core_, std::move(socket_), output_.take_queue(), reader_.take_rest(),
                                                  std::move(listener));
  core_->observer().http_connections(-1);
  core_->replace(*this, next);
  next->start(request, added);
}

// -- writing ----------------------------------------------------------------------

/// True once the socket has taken everything.
bool http_session::write_out() {
  if (waiting_writable_)
    return false;
  switch (output_.write_to(socket_.native_handle(), *core_)) {
  case answer_output::status::written: return true;
  case answer_output::status::drained:
    reading_.stop();
    if (drained_)
      core_->defer(std::exchange(drained_, nullptr));
    return true;
  case answer_output::status::blocked: wait_writable(); return false;
  case answer_output::status::failed: abort(); return false;
  }
  return false;
}

void http_session::wait_writable() {
  waiting_writable_ = true;
  if (!reading_.running())
    reading_.start(core_->now(), output_.delivered(socket_.native_handle()));
  core_->look_at_unread();
  socket_.async_wait(tcp_socket::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
    self->waiting_writable_ = false;
    self->core_->guarded(*self, [&] { error ? self->abort() : self->flush(); });
  });
}

void http_session::flush() {
  if (phase_ == phase::ended || advancing_ || !write_out())
    return;
  if (phase_ == phase::reading)
    advance();
  else
    settle();
}

/// Everything is written: arranges what the connection waits for now.
void http_session::settle() {
  switch (phase_) {
  case phase::reading:
    if (client_done_)
      return reader_.started() ? abort() : linger();
    patience_.wait_for_more(*core_, reader_);
    core_->charge(*this, reader_.held());
    return wait_readable();
  case phase::busy:
  case phase::streaming:
    if (gone_)
      wait_readable();
    return;
  case phase::closing: return linger();
  case phase::ended: return;
  }
}

void http_session::linger() {
  phase_ = phase::ended;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
  auto last = std::make_shared<closing_connection>(core_, std::move(socket_), output_.take_queue());
  core_->observer().http_connections(-1);
  core_->replace(*this, last);
  last->start();
}

// -- time and the end ---------------------------------------------------------------

void http_session::on_tick() {
  if (phase_ == phase::ended)
    return;
  if (waiting_writable_)
    return judge_reader();
  if (phase_ == phase::busy && !waiting_readable_ && was_reset(socket_.native_handle()))
    return abort();
  if (phase_ != phase::reading || patience_.lasts(*core_, reader_)) {
    if (phase_ != phase::reading || !reader_.started())
      reader_.release_spare();
    return output_.release_spare();
  }
  if (!reader_.started())
    return abort();
  refuse(408, reader_.in_body() ? "The body did not arrive in time: it comes too slowly."
                                : "The request did not arrive in time.");
  flush();
}

/// Who reads too slowly for what it has asked for does not get the rest.
void http_session::judge_reader() {
  if (reading_.is_lost(core_->now(), output_.delivered(socket_.native_handle()), core_->reading_rule()))
    phase_ == phase::streaming ? drop_slow_reader() : abort();
}

std::uint32_t http_session::unfinished_since() const noexcept {
  return phase_ == phase::reading && reader_.started() ? patience_.unfinished_since(*core_, reader_) : 0;
}

void http_session::shed_unfinished() {
  refuse(503, "The server holds as many unfinished requests as it can; this one has taken the longest.");
  flush();
}

std::uint32_t http_session::unread_since() const noexcept {
  return waiting_writable_ && reading_.running() ? reading_.since() : 0;
}

void http_session::shed_unread() {
  drop_slow_reader();
}

void http_session::tell_when_drained(std::function<void()> drained) {
  drained_ = std::move(drained);
  core_->schedule_flush(*this);
}

void http_session::on_stop() {
  if (phase_ == phase::reading && !reader_.started() && output_.nothing_waits())
    abort();
  // Whoever streams ends its stream in order, and the client knows that it has all of it so far.
  if (phase_ == phase::streaming && gone_)
    core_->defer(std::exchange(gone_, nullptr));
}

void http_session::drop_slow_reader() {
  core_->observer().slow_reader_closed();
  access_.cut("slow_reader");
  abort();
}

void http_session::abort() {
  if (phase_ == phase::ended)
    return;
  phase_ = phase::ended;
  access_.cut(core_->stopping() ? "server_stopped" : "client_gone");
  access_.end();
  if (gone_)
    core_->defer(std::exchange(gone_, nullptr));
  drained_ = nullptr;
  reading_.stop();
  output_.drop();
  boost::system::error_code ignored;
  socket_.close(ignored);
  core_->observer().http_connections(-1);
  core_->remove(*this);
}

void http_session::abandon() {
  phase_ = phase::ended;
  gone_ = nullptr;
  drained_ = nullptr;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

} // namespace troupe
