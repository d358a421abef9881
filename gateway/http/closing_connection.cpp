#include "gateway/http/closing_connection.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace troupe {

namespace {

constexpr std::size_t linger_bytes = 64 * 1024 * 1024;

} // namespace

closing_connection::closing_connection(std::shared_ptr<server_core> core, tcp_socket socket, output_queue rest,
                                       client state)
  : core_(std::move(core)), socket_(std::move(socket)), rest_(std::move(rest)), client_(state),
    read_budget_(linger_bytes) {
  reading_.start(core_->now(), delivered_bytes(socket_.native_handle(), rest_));
}

void closing_connection::start() {
  flush();
}

void closing_connection::flush() {
  if (ended_)
    return;
  switch (rest_.write_to(socket_.native_handle(), core_->scratch())) {
  case output_queue::status::drained: {
    if (client_ == client::has_said_goodbye)
      return abort();
    boost::system::error_code ignored;
    socket_.shutdown(tcp_socket::shutdown_send, ignored);
    return read_away();
  }
  case output_queue::status::blocked: return wait(tcp_socket::wait_write);
  case output_queue::status::failed: return abort();
  }
}

void closing_connection::wait(tcp_socket::wait_type what) {
  socket_.async_wait(what, [self = shared_from_this(), what](const boost::system::error_code& error) {
    self->core_->guarded(*self, [&] {
      if (error)
        self->abort();
      else if (what == tcp_socket::wait_write)
        self->flush();
      else
        self->read_away();
    });
  });
}

void closing_connection::read_away() {
  if (ended_)
    return;
  const auto room = core_->scratch();
  // A few reads at a time: others want their turn, too.
  for (int i = 0; i < 4; ++i) {
    const auto count = ::recv(socket_.native_handle(), room.data(), room.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
      break;
    if (count <= 0)
      return abort();
    read_budget_ -= std::min(read_budget_, static_cast<std::size_t>(count));
    if (read_budget_ == 0)
      return abort();
  }
  wait(tcp_socket::wait_read);
}

void closing_connection::on_stop() {
  reading_.start(core_->now(), delivered_bytes(socket_.native_handle(), rest_));
}

void closing_connection::on_tick() {
  if (reading_.is_lost(core_->now(), delivered_bytes(socket_.native_handle(), rest_), core_->closing_rule()))
    abort();
}

void closing_connection::abort() {
  if (std::exchange(ended_, true))
    return;
  boost::system::error_code ignored;
  socket_.close(ignored);
  core_->remove(*this);
}

void closing_connection::abandon() {
  ended_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

} // namespace troupe
