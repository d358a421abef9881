#include "provider_stub.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace troupe::testing {

// -- a connection -----------------------------------------------------------------

stub_connection::~stub_connection() {
  ::close(socket_);
}

bool stub_connection::secure(const server_identity& identity) {
  // OpenSSL writes to sockets without MSG_NOSIGNAL.
  ::signal(SIGPIPE, SIG_IGN);
  context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_use_certificate(context_.get(), identity.certificate.get());
  SSL_CTX_use_PrivateKey(context_.get(), identity.key.get());
  tls_.reset(SSL_new(context_.get()));
  SSL_set_fd(tls_.get(), socket_);
  return SSL_accept(tls_.get()) == 1;
}

bool stub_connection::fill() {
  std::array<char, 65536> room;
  const auto count
    = tls_ ? SSL_read(tls_.get(), room.data(), room.size()) : ::recv(socket_, room.data(), room.size(), 0);
  if (count <= 0)
    return false;
  received_.append(room.data(), static_cast<std::size_t>(count));
  return true;
}

std::optional<std::string> stub_connection::read_head() {
  constexpr std::string_view end = "\r\n\r\n";
  std::size_t at = 0;
  while ((at = received_.find(end)) == std::string::npos) {
    if (!fill())
      return std::nullopt;
  }
  auto head = received_.substr(0, at + end.size());
  received_.erase(0, head.size());
  return head;
}

std::optional<stub_request> stub_connection::read_request() {
  auto head = read_head();
  if (!head)
    return std::nullopt;
  std::size_t size = 0;
  constexpr std::string_view length = "\r\nContent-Length: ";
  if (const auto at = head->find(length); at != std::string::npos)
    size = std::stoul(head->substr(at + length.size()));
  while (received_.size() < size) {
    if (!fill())
      return std::nullopt;
  }
  stub_request request{std::move(*head), received_.substr(0, size)};
  received_.erase(0, size);
  return request;
}

bool stub_connection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = tls_ ? SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()))
                            : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool stub_connection::wait_for_end() {
  for (std::array<char, 65536> room;;) {
    const auto count = ::recv(socket_, room.data(), room.size(), 0);
    if (count <= 0)
      return count == 0 || errno == ECONNRESET;
  }
}

void stub_connection::close() {
  if (tls_)
    SSL_shutdown(tls_.get());
  shut_down();
}

void stub_connection::reset() {
  const linger at_once{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  // The number stays taken, so that it is closed only once.
  const int other = ::socket(AF_INET, SOCK_STREAM, 0);
  ::dup2(other, socket_);
  ::close(other);
}

void stub_connection::shut_down() {
  ::shutdown(socket_, SHUT_RDWR);
}

// -- the server -------------------------------------------------------------------

provider_stub::provider_stub(script on_connection)
  : script_{std::move(on_connection)}, listener_{::socket(AF_INET, SOCK_STREAM, 0)} {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, raw, size) != 0 || ::listen(listener_, 1024) != 0 || ::getsockname(listener_, raw, &size) != 0)
    throw std::runtime_error("no port for the provider's stub");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread{[this] { accept(); }};
}

provider_stub::~provider_stub() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  for (auto& one : peers_)
    one.connection->shut_down();
  for (auto& one : peers_)
    one.thread.join();
}

void provider_stub::accept() {
  for (;;) {
    const int socket = ::accept(listener_, nullptr, nullptr);
    if (socket < 0)
      return;
    const timeval patience{10, 0};
    const int at_once = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ++connections_;
    auto& added = peers_.emplace_back();
    added.connection = std::make_unique<stub_connection>(socket);
    added.thread = std::thread{[this, connection = added.connection.get()] { script_(*connection); }};
  }
}

} // namespace troupe::testing
