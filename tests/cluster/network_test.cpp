#include "tests/cluster/private_network.hpp"
#include "tests/cluster/tcp_proxy.hpp"
#include "tests/e2e/server_process.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <utility>

/// The harness itself: networks that fail when they are told to.
namespace troupe {

namespace {

/// Something to connect to, at an address of the loopback interface.
class listener {
public:
  explicit listener(const std::string& host) : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    address_.sin_family = AF_INET;
    ::inet_pton(AF_INET, host.c_str(), &address_.sin_addr);
    socklen_t length = sizeof(address_);
    EXPECT_EQ(::bind(socket_.get(), generic(), length), 0);
    EXPECT_EQ(::listen(socket_.get(), 8), 0);
    EXPECT_EQ(::getsockname(socket_.get(), generic(), &length), 0);
  }

  [[nodiscard]] std::uint16_t port() const { return ntohs(address_.sin_port); }

  [[nodiscard]] descriptor connect() {
    descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    EXPECT_EQ(::connect(socket.get(), generic(), sizeof(address_)), 0);
    return socket;
  }

  [[nodiscard]] descriptor accept() const { return descriptor{::accept(socket_.get(), nullptr, nullptr)}; }

private:
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&address_); }

  descriptor socket_;
  sockaddr_in address_{};
};

/// What comes within `limit`: nothing, some bytes, or an empty text for the end.
std::optional<std::string> receive(const descriptor& socket, std::chrono::milliseconds limit = patience) {
  pollfd waited{socket.get(), POLLIN, 0};
  if (::poll(&waited, 1, static_cast<int>(limit.count())) != 1) {
    return std::nullopt;
  }
  std::string bytes(100, ' ');
  const auto length = ::recv(socket.get(), bytes.data(), bytes.size(), 0);
  bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  return bytes;
}

} // namespace

TEST(TcpProxy, HoldsBackWhatComesWhileItIsCutAndDeliversItOnceHealed) {
  const listener target{"127.0.0.1"};
  tcp_proxy proxy{target.port()};
  const auto client = connect_loopback(proxy.port());
  const auto server = target.accept();
  send_all(client.get(), "to");
  EXPECT_EQ(receive(server), "to");
  send_all(server.get(), "fro");
  EXPECT_EQ(receive(client), "fro");

  proxy.cut();
  send_all(client.get(), "held");
  send_all(server.get(), "back");
  const auto newcomer = connect_loopback(proxy.port());
  EXPECT_EQ(receive(server, 100ms), std::nullopt);
  EXPECT_EQ(receive(client, 100ms), std::nullopt);
  proxy.heal();
  EXPECT_EQ(receive(server), "held");
  EXPECT_EQ(receive(client), "back");
  const auto late = target.accept();
  send_all(newcomer.get(), "late");
  EXPECT_EQ(receive(late), "late");
}

TEST(TcpProxy, PassesOnThatOneSideHasSaidAll) {
  const listener target{"127.0.0.1"};
  tcp_proxy proxy{target.port()};
  const auto client = connect_loopback(proxy.port());
  const auto server = target.accept();
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_EQ(receive(server), "");
  send_all(server.get(), "an answer still");
  EXPECT_EQ(receive(client), "an answer still");
  ::shutdown(server.get(), SHUT_WR);
  EXPECT_EQ(receive(client), "");
  EXPECT_TRUE(eventually([&] { return proxy.connections() == 0; }));
}

TEST(TcpProxy, ResetsEveryConnectionAndTakesNewOnes) {
  const listener target{"127.0.0.1"};
  tcp_proxy proxy{target.port()};
  const auto client = connect_loopback(proxy.port());
  const auto server = target.accept();
  EXPECT_TRUE(eventually([&] { return proxy.connections() == 1; }));
  proxy.reset();
  EXPECT_EQ(receive(client), "");
  EXPECT_EQ(receive(server), "");
  const auto next = connect_loopback(proxy.port());
  send_all(next.get(), "next");
  EXPECT_EQ(receive(target.accept()), "next");
}

TEST(TcpProxy, ClosesWhatItCannotConnect) {
  std::optional<listener> target{"127.0.0.1"};
  tcp_proxy proxy{target->port()};
  target.reset();
  EXPECT_EQ(receive(connect_loopback(proxy.port())), "");
}

TEST(PrivateNetwork, CutsLinksSilentlyAndNothingElse) {
  if (!private_network::is_allowed()) {
    GTEST_SKIP() << "NOT TESTED: this machine lets nobody make a network namespace";
  }
  private_network network;
  listener node{private_network::link_address(1)};
  listener gateway{"127.0.0.1"};
  const auto link = node.connect();
  const auto peer = node.accept();
  const auto client = gateway.connect();
  const auto server = gateway.accept();
  network.cut_links();
  send_all(link.get(), "over the link");
  send_all(client.get(), "past it");
  EXPECT_EQ(receive(server), "past it");
  EXPECT_EQ(receive(peer, 300ms), std::nullopt);
  network.heal_links();
  EXPECT_EQ(receive(peer), "over the link");
}

} // namespace troupe
