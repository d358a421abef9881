#include "tests/cluster/tcp_proxy.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace troupe {

namespace {

/// What one direction holds at most; beyond it the sender has to wait, as with any network.
constexpr std::size_t lane_limit = 256UL * 1024;

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

void set_nonblocking(int socket) {
  ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/// Makes a close say so at once, instead of in order.
void reset_on_close(int socket) {
  const linger at_once{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

} // namespace

tcp_proxy::tcp_proxy(std::uint16_t target)
  : target_{target}, listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)},
    wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_.get(), generic, length) != 0 || ::listen(listener_.get(), SOMAXCONN) != 0
      || ::getsockname(listener_.get(), generic, &length) != 0) {
    throw std::system_error{errno, std::generic_category(), "the proxy cannot listen"};
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

tcp_proxy::~tcp_proxy() {
  {
    const std::lock_guard guard{mutex_};
    stopped_ = true;
  }
  wake();
  thread_.join();
}

void tcp_proxy::cut() {
  // Under the lock no byte is on its way: what comes later stays where it is.
  const std::lock_guard guard{mutex_};
  cut_ = true;
  wake();
}

void tcp_proxy::heal() {
  const std::lock_guard guard{mutex_};
  cut_ = false;
  wake();
}

void tcp_proxy::lead_to(std::uint16_t target) {
  const std::lock_guard guard{mutex_};
  target_ = target;
}

void tcp_proxy::reset() {
  // The thread closes them itself, for it may be waiting for their descriptors.
  std::unique_lock lock{mutex_};
  reset_wanted_ = true;
  wake();
  changed_.wait(lock, [this] { return !reset_wanted_; });
}

std::size_t tcp_proxy::connections() {
  const std::lock_guard guard{mutex_};
  return connections_.size();
}

void tcp_proxy::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
}

// -- the thread -------------------------------------------------------------------

void tcp_proxy::run() {
  for (;;) {
    wait_for_traffic();
    const std::lock_guard guard{mutex_};
    if (stopped_) {
      return;
    }
    if (reset_wanted_) {
      for (auto& c : connections_) {
        for (auto& end : c.ends) {
          reset_on_close(end.get());
        }
      }
      connections_.clear();
      reset_wanted_ = false;
      changed_.notify_all();
    }
    if (!cut_) {
      accept_clients();
      for (auto& c : connections_) {
        forward(c);
      }
      std::erase_if(connections_,
                    [](const connection& c) { return c.broken || (c.lanes[0].closed && c.lanes[1].closed); });
    }
  }
}

void tcp_proxy::wait_for_traffic() {
  // Only this thread changes the list of connections.
  std::vector<pollfd> waited{{wake_.get(), POLLIN, 0}};
  {
    const std::lock_guard guard{mutex_};
    if (!cut_) {
      waited.push_back({listener_.get(), POLLIN, 0});
      for (const auto& c : connections_) {
        for (std::size_t i = 0; i < 2; ++i) {
          const bool reads = !c.lanes[i].ended && c.lanes[i].held.size() < lane_limit;
          const bool writes = !c.lanes[1 - i].held.empty();
          if (reads || writes) {
            waited.push_back({c.ends[i].get(), static_cast<short>((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), 0});
          }
        }
      }
    }
  }
  ::poll(waited.data(), waited.size(), -1);
  std::uint64_t ignored = 0;
  [[maybe_unused]] const auto length = ::read(wake_.get(), &ignored, sizeof(ignored));
}

void tcp_proxy::accept_clients() {
  for (;;) {
    descriptor client{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (client.get() < 0) {
      return;
    }
    try {
      descriptor server = connect_loopback(target_);
      set_nonblocking(client.get());
      set_nonblocking(server.get());
      connections_.push_back({{std::move(client), std::move(server)}, {}, false});
    } catch (const std::system_error&) {
      // Nobody listens there: the client finds its connection closed.
    }
  }
}

void tcp_proxy::forward(connection& c) {
  std::array<char, 64UL * 1024> part;
  for (std::size_t i = 0; i < 2; ++i) {
    lane& l = c.lanes[i];
    while (!l.ended && l.held.size() < lane_limit) {
      const ssize_t length = ::recv(c.ends[i].get(), part.data(), part.size(), 0);
      if (length < 0 && would_block()) {
        break;
      }
      if (length < 0) {
        c.broken = true;
        return;
      }
      l.ended = length == 0;
      l.held.append(part.data(), static_cast<std::size_t>(length));
    }
    while (!l.held.empty()) {
      const ssize_t length = ::send(c.ends[1 - i].get(), l.held.data(), l.held.size(), MSG_NOSIGNAL);
      if (length < 0 && would_block()) {
        break;
      }
      if (length < 0) {
        c.broken = true;
        return;
      }
      l.held.erase(0, static_cast<std::size_t>(length));
    }
    if (l.ended && l.held.empty() && !l.closed) {
      ::shutdown(c.ends[1 - i].get(), SHUT_WR);
      l.closed = true;
    }
  }
}

} // namespace troupe
