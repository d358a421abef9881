#include "test_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <string>

/// A server that listens on one of localhost's addresses is not found by clients that take the other first:
/// laravel/framework#16937, websockets/wscat#144, nroi/cpcache#16.
namespace troupe::testing {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class no_routes final : public request_handler {
public:
  void on_request(std::shared_ptr<exchange>) override {}
  [[nodiscard]] http_response refusal(unsigned status, std::string_view) const override { return {status, "", "", {}}; }
};

class Listening : public ::testing::Test {
protected:
  std::unique_ptr<http_server> make() {
    return std::make_unique<http_server>(io_, std::make_shared<no_routes>(), transport_limits{}, transport_observer{});
  }

  bool takes(const std::string& address, std::uint16_t port) {
    tcp::socket socket{io_};
    boost::system::error_code error;
    socket.connect({asio::ip::make_address(address), port}, error);
    return !error;
  }

  /// Holds a port of ::1 for itself.
  std::uint16_t occupy(tcp::acceptor& acceptor, std::uint16_t port = 0) {
    const tcp::endpoint endpoint{asio::ip::make_address("::1"), port};
    acceptor.open(endpoint.protocol());
    acceptor.set_option(asio::ip::v6_only(true));
    acceptor.bind(endpoint);
    acceptor.listen();
    return acceptor.local_endpoint().port();
  }

  bool has_ipv6() {
    tcp::acceptor acceptor{io_};
    boost::system::error_code error;
    acceptor.open(tcp::v6(), error);
    if (!error)
      acceptor.bind({asio::ip::make_address("::1"), 0}, error);
    return !error;
  }

  asio::io_context io_;
};

TEST_F(Listening, OnLocalhostIsOnBothOfItsAddressesAtOnePort) {
  const auto server = make();
  ASSERT_FALSE(server->listen("localhost", 0));
  EXPECT_NE(server->port(), 0);
  EXPECT_TRUE(takes("127.0.0.1", server->port()));
  // A host without IPv6 is no error; one with it is listened on.
  EXPECT_EQ(takes("::1", server->port()), has_ipv6());
}

TEST_F(Listening, OnAnAddressIsOnThatAlone) {
  const auto server = make();
  ASSERT_FALSE(server->listen("127.0.0.1", 0));
  EXPECT_TRUE(takes("127.0.0.1", server->port()));
  EXPECT_FALSE(takes("127.0.0.2", server->port()));
  EXPECT_FALSE(takes("::1", server->port()));
}

TEST_F(Listening, OnThePortOfAnotherServerIsRefusedAlsoIfThatHasOneAddressOnly) {
  if (!has_ipv6())
    GTEST_SKIP() << "this host has no IPv6";
  tcp::acceptor other{io_};
  const auto port = occupy(other);
  EXPECT_EQ(make()->listen("localhost", port), std::errc::address_in_use);
  EXPECT_FALSE(takes("127.0.0.1", port)) << "nothing is left of the try";
  EXPECT_FALSE(make()->listen("127.0.0.1", port));
}

TEST_F(Listening, OnLocalhostIsSharedByLanes) {
  const auto first = make();
  const auto second = make();
  ASSERT_FALSE(first->listen("localhost", 0, true));
  ASSERT_FALSE(second->listen("localhost", first->port(), true));
  EXPECT_EQ(second->port(), first->port());
  EXPECT_TRUE(make()->listen("localhost", first->port(), false));
}

TEST_F(Listening, OnANameIsRefused) {
  for (const auto* host : {"example.com", "", "localhost.", "[::1]"})
    EXPECT_TRUE(make()->listen(host, 0)) << host;
}

} // namespace
} // namespace troupe::testing
