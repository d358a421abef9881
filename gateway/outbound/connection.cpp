#include "gateway/outbound/connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/write.hpp>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace troupe {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

outbound_connection::outbound_connection(asio::io_context& io, std::string key, std::span<char> scratch)
  : socket_{io}, key_{std::move(key)}, scratch_{scratch} {}

// -- setting it up ----------------------------------------------------------------

void outbound_connection::connect(const asio::ip::tcp::endpoint& to, callback done) {
  socket_.async_connect(to, [self = shared_from_this(), done = std::move(done)](error_code error) {
    if (self->closed_)
      return;
    error_code ignored;
    if (!error)
      self->socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
    done(error);
  });
}

void outbound_connection::secure(asio::ssl::context& context, const std::string& host, callback done) {
  tls_ = std::make_unique<tls_stream>(socket_, context);
  decrypted_ = std::make_unique_for_overwrite<tls_buffer>();
  auto* ssl = tls_->native_handle();
  bool is_set = false;
  if (is_address(host)) {
    is_set = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  } else {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    is_set = SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
  }
  if (!is_set)
    return done(asio::error::no_memory);
  tls_->async_handshake(asio::ssl::stream_base::client,
                        [self = shared_from_this(), done = std::move(done)](error_code error) {
                          if (!self->closed_)
                            done(error);
                        });
}

std::string outbound_connection::certificate_problem() const {
  const auto result = tls_ ? SSL_get_verify_result(tls_->native_handle()) : X509_V_OK;
  return result == X509_V_OK ? std::string{} : X509_verify_cert_error_string(result);
}

// -- writing ----------------------------------------------------------------------

void outbound_connection::write(const outbound_message& message, write_callback done) {
  auto handler
    = [self = shared_from_this(), done = std::move(done)](error_code error, std::size_t count) { done(error, count); };
  if (tls_)
    http::async_write(*tls_, message, std::move(handler));
  else
    http::async_write(socket_, message, std::move(handler));
}

// -- reading ----------------------------------------------------------------------

void outbound_connection::read_for(connection_reader& reader) {
  reader_ = &reader;
  receive();
}

void outbound_connection::receive() {
  if (closed_ || std::exchange(receiving_, true))
    return;
  if (tls_) {
    tls_->async_read_some(asio::buffer(*decrypted_), [self = shared_from_this()](error_code error, std::size_t count) {
      self->receiving_ = false;
      if (error)
        self->lose(error);
      else
        self->on_decrypted(count);
    });
  } else {
    socket_.async_wait(tcp_socket::wait_read, [self = shared_from_this()](error_code error) {
      self->receiving_ = false;
      if (error)
        self->lose(error);
      else
        self->on_readable();
    });
  }
}

void outbound_connection::on_readable() {
  if (closed_)
    return;
  const auto count = ::recv(socket_.native_handle(), scratch_.data(), scratch_.size(), MSG_DONTWAIT);
  if (count == 0)
    return lose(asio::error::eof);
  if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
    return lose({errno, boost::system::system_category()});
  if (count > 0 && reader_ != nullptr)
    reader_->on_bytes(*this, {scratch_.data(), static_cast<std::size_t>(count)});
  if (reader_ != nullptr)
    receive();
}

void outbound_connection::on_decrypted(std::size_t count) {
  if (closed_)
    return;
  if (reader_ != nullptr)
    reader_->on_bytes(*this, {decrypted_->data(), count});
  if (reader_ != nullptr)
    receive();
}

bool outbound_connection::is_quiet() {
  char byte = 0;
  return !closed_ && ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0
         && (errno == EAGAIN || errno == EWOULDBLOCK);
}

// -- the end ----------------------------------------------------------------------

void outbound_connection::lose(const error_code& why) {
  if (closed_)
    return;
  auto* const reader = reader_;
  close();
  if (reader != nullptr)
    reader->on_closed(*this, why);
}

void outbound_connection::close() {
  if (std::exchange(closed_, true))
    return;
  reader_ = nullptr;
  error_code ignored;
  socket_.shutdown(tcp_socket::shutdown_both, ignored);
  socket_.close(ignored);
}

} // namespace troupe
