#include "actors/cluster/node_address.hpp"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe {

namespace {

class socket_handle {
public:
  explicit socket_handle(int family) : fd_{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)} {
    // Closed by a reset. A connection that ends in the middle of TLS's handshake leaves an error behind in OpenSSL's
    // queue, which CAF takes for one of the next connection that it looks at, and breaks that.
    const linger at_once{1, 0};
    if (fd_ >= 0)
      ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }
  ~socket_handle() {
    if (fd_ >= 0)
      ::close(fd_);
  }

  socket_handle(const socket_handle&) = delete;
  socket_handle& operator=(const socket_handle&) = delete;

  [[nodiscard]] int get() const noexcept { return fd_; }

private:
  int fd_;
};

bool answers(const addrinfo& address, std::chrono::milliseconds patience) {
  const socket_handle trial{address.ai_family};
  if (trial.get() < 0)
    return false;
  if (::connect(trial.get(), address.ai_addr, address.ai_addrlen) == 0)
    return true;
  if (errno != EINPROGRESS)
    return false;
  pollfd waiting{trial.get(), POLLOUT, 0};
  if (::poll(&waiting, 1, static_cast<int>(patience.count())) != 1)
    return false;
  int failure = 0;
  socklen_t size = sizeof(failure);
  return ::getsockopt(trial.get(), SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0;
}

std::optional<std::string> to_numeric(const addrinfo& address) {
  char text[NI_MAXHOST];
  if (::getnameinfo(address.ai_addr, address.ai_addrlen, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) != 0)
    return std::nullopt;
  return std::string{text};
}

} // namespace

std::string to_address(const std::string& host, std::uint16_t port) {
  const auto shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return shown + ":" + std::to_string(port);
}

std::optional<node_address> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0)
    return std::nullopt;
  auto host = text.substr(0, colon);
  const auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failure != std::errc{} || end != digits.data() + digits.size() || port == 0)
    return std::nullopt;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return node_address{std::string{host}, port};
}

std::optional<std::string> find_answering(const node_address& where, std::chrono::milliseconds patience) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &wanted, &found) != 0)
    return std::nullopt;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list{found, &::freeaddrinfo};
  for (const auto* one = list.get(); one; one = one->ai_next)
    if (answers(*one, patience))
      return to_numeric(*one);
  return std::nullopt;
}

} // namespace troupe
