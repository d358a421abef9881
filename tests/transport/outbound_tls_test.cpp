#include "outbound_fixture.hpp"
#include "tests/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <optional>
#include <string>

namespace troupe::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// An authority, and a client that trusts it.
class OutboundTls : public ::testing::Test {
protected:
  OutboundTls() { std::ofstream{ca_file} << authority.pem(); }

  [[nodiscard]] outbound_config trusting() const {
    auto config = loopback_config();
    config.ca_file = ca_file;
    return config;
  }

  /// A server with a certificate for `name` that answers every request.
  [[nodiscard]] provider_stub::script secure_server(const std::string& name, std::string text = answer("ok")) const {
    return [identity = authority.issue(name), text = std::move(text)](stub_connection& connection) {
      if (connection.secure(identity))
        always(text)(connection);
    };
  }

  static std::string url(const provider_stub& stub, const std::string& host = "localhost") {
    return "https://" + host + ":" + std::to_string(stub.port()) + "/path";
  }

  test_authority authority;
  temporary_folder folder;
  std::string ca_file = folder.file("ca.pem");
};

// -- certificates -----------------------------------------------------------------

TEST_F(OutboundTls, TrustsACertificateForTheHost) {
  provider_stub stub{secure_server("DNS:localhost")};
  beast_client client{trusting()};
  for (int i = 0; i < 3; ++i) {
    const auto listener = call(client, make_request("POST", url(stub), "x"));
    EXPECT_EQ(listener->body(), "ok") << listener->failure().value_or(outbound_failure{}).error;
  }
  EXPECT_EQ(client.stats().connections_opened, 1U);
  EXPECT_EQ(client.stats().reused, 2U);
}

TEST_F(OutboundTls, TrustsACertificateForTheAddress) {
  provider_stub stub{secure_server("IP:127.0.0.1")};
  beast_client client{trusting()};
  EXPECT_EQ(call(client, make_request("GET", url(stub, "127.0.0.1")))->body(), "ok");
}

TEST_F(OutboundTls, RefusesACertificateForAnotherHost) {
  for (const auto* host : {"localhost", "127.0.0.1"}) {
    provider_stub stub{secure_server("DNS:other.test,IP:127.0.0.2")};
    beast_client client{trusting()};
    const auto failure = call(client, make_request("POST", url(stub, host)))->failure();
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(failure->code, outbound_errc::unreachable);
    EXPECT_FALSE(failure->sent);
    EXPECT_THAT(failure->error, AllOf(StartsWith("The certificate of " + std::string{host}), HasSubstr("mismatch")));
  }
}

TEST_F(OutboundTls, RefusesAnUnknownAuthority) {
  provider_stub stub{secure_server("DNS:localhost")};
  beast_client client{loopback_config()};
  const auto failure = call(client, make_request("POST", url(stub)))->failure();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, outbound_errc::unreachable);
  EXPECT_THAT(failure->error, HasSubstr("is not valid: unable to get local issuer certificate"));
}

TEST_F(OutboundTls, SaysWhenTheOtherSideSpeaksNone) {
  provider_stub stub{[](stub_connection& connection) {
    connection.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    connection.wait_for_end();
  }};
  beast_client client{trusting()};
  const auto failure = call(client, make_request("POST", url(stub)))->failure();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, outbound_errc::unreachable);
  EXPECT_THAT(failure->error, StartsWith("No TLS connection to localhost:"));
}

TEST_F(OutboundTls, SaysWhenTheTrustedCertificatesCannotBeRead) {
  auto config = loopback_config();
  config.ca_file = folder.file("missing.pem");
  provider_stub stub{secure_server("DNS:localhost")};
  beast_client client{config};
  const auto failure = call(client, make_request("POST", url(stub)))->failure();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, outbound_errc::unreachable);
  EXPECT_THAT(failure->error, HasSubstr("missing.pem"));
}

// -- streams ----------------------------------------------------------------------

TEST_F(OutboundTls, PassesPartsOnAsTheyCome) {
  signal_flag first;
  provider_stub stub{[&, identity = authority.issue("DNS:localhost")](stub_connection& connection) {
    connection.secure(identity);
    connection.read_request();
    connection.write(chunked_head);
    connection.write("3\r\none\r\n");
    EXPECT_TRUE(first.wait());
    connection.write("3\r\ntwo\r\n0\r\n\r\n");
  }};
  beast_client client{trusting()};
  const auto listener = std::make_shared<recording_listener>();
  client.start(make_request("GET", url(stub)), listener);
  EXPECT_TRUE(listener->wait_for_body("one"));
  first.raise();
  EXPECT_TRUE(listener->wait_for_end());
  EXPECT_EQ(listener->body(), "onetwo");
}

TEST_F(OutboundTls, CarriesLargeBodiesBothWays) {
  const std::string large(3'000'000, 'x');
  std::size_t received = 0;
  provider_stub stub{[&, identity = authority.issue("DNS:localhost")](stub_connection& connection) {
    connection.secure(identity);
    received = connection.read_request().value_or(stub_request{}).body.size();
    connection.write(answer(large));
  }};
  beast_client client{trusting()};
  EXPECT_EQ(call(client, make_request("POST", url(stub), large))->body(), large);
  EXPECT_EQ(received, large.size());
}

TEST_F(OutboundTls, TakesACutConnectionForNoEnd) {
  for (const bool in_due_form : {true, false}) {
    provider_stub stub{[&, identity = authority.issue("DNS:localhost")](stub_connection& connection) {
      connection.secure(identity);
      connection.read_request();
      connection.write("HTTP/1.1 200 OK\r\n\r\nall");
      in_due_form ? connection.close() : connection.reset();
    }};
    beast_client client{trusting()};
    const auto listener = call(client, make_request("GET", url(stub)));
    EXPECT_EQ(listener->ended(), in_due_form);
    EXPECT_EQ(listener->failure().has_value(), !in_due_form);
  }
}

TEST_F(OutboundTls, NoticesConnectionsThatWereClosedMeanwhile) {
  std::atomic<int> closed = 0;
  provider_stub stub{[&, identity = authority.issue("DNS:localhost")](stub_connection& connection) {
    connection.secure(identity);
    connection.read_request();
    connection.write(answer("ok"));
    connection.close();
    ++closed;
  }};
  beast_client client{trusting()};
  for (int i = 1; i <= 3; ++i) {
    EXPECT_TRUE(call(client, make_request("POST", url(stub), "x"))->ended());
    EXPECT_TRUE(eventually([&] { return closed == i; }));
  }
}

// -- proxies ----------------------------------------------------------------------

TEST_F(OutboundTls, GoesThroughTheTunnelOfAProxy) {
  std::string connect;
  std::string inner;
  provider_stub proxy{[&, identity = authority.issue("DNS:api.example.test")](stub_connection& connection) {
    connect = connection.read_head().value_or("");
    connection.write("HTTP/1.1 200 Connection established\r\n\r\n");
    if (!connection.secure(identity))
      return;
    while (auto head = connection.read_head()) {
      inner = *head;
      connection.write(answer("through"));
    }
  }};
  auto config = trusting();
  config.proxy.https_proxy = "http://me:secret@127.0.0.1:" + std::to_string(proxy.port());
  beast_client client{config};
  // The name is known to nobody here: the proxy looks it up.
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(call(client, make_request("GET", "https://api.example.test/path"))->body(), "through");
  EXPECT_EQ(connect, "CONNECT api.example.test:443 HTTP/1.1\r\nHost: api.example.test:443\r\n"
                     "User-Agent: troupe/" TROUPE_VERSION "\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n");
  EXPECT_THAT(
    inner, AllOf(StartsWith("GET /path HTTP/1.1\r\nHost: api.example.test\r\n"), ::testing::Not(HasSubstr("Proxy-"))));
  EXPECT_EQ(proxy.connections(), 1);
}

TEST_F(OutboundTls, SaysWhenAProxyRefuses) {
  for (const auto* text :
       {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 9\r\n\r\nno access", "", "garbage\r\n\r\n"}) {
    provider_stub proxy{once(text)};
    auto config = trusting();
    config.proxy.https_proxy = "http://me:secret@127.0.0.1:" + std::to_string(proxy.port());
    beast_client client{config};
    const auto failure = call(client, make_request("POST", "https://api.example.test/"))->failure();
    ASSERT_TRUE(failure.has_value()) << text;
    EXPECT_EQ(failure->code, outbound_errc::unreachable);
    EXPECT_FALSE(failure->sent);
    EXPECT_THAT(failure->error, AllOf(HasSubstr("proxy 127.0.0.1:"), ::testing::Not(HasSubstr("secret"))));
  }
}

TEST(OutboundProxies, AreGivenTheWholeUrlOfAPlainRequest) {
  std::string head;
  provider_stub proxy{[&](stub_connection& connection) {
    head = connection.read_head().value_or("");
    connection.write(answer("through"));
  }};
  outbound_config config;
  config.proxy.http_proxy = "http://me:secret@127.0.0.1:" + std::to_string(proxy.port());
  beast_client client{config};
  EXPECT_EQ(call(client, make_request("GET", "http://api.example.test/path?a=b"))->body(), "through");
  EXPECT_THAT(head, AllOf(StartsWith("GET http://api.example.test/path?a=b HTTP/1.1\r\nHost: api.example.test\r\n"),
                          HasSubstr("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n")));
}

TEST(OutboundProxies, AreNotUsedForWhatNoProxyNames) {
  provider_stub proxy{once(answer("proxy"))};
  provider_stub stub{once(answer("direct"))};
  auto config = loopback_config();
  config.proxy.http_proxy = "http://127.0.0.1:" + std::to_string(proxy.port());
  config.proxy.no_proxy = "localhost, 127.0.0.0/8";
  beast_client client{config};
  EXPECT_EQ(get_from(client, stub)->body(), "direct");
  EXPECT_EQ(proxy.connections(), 0);
}

TEST(OutboundProxies, DoNotOpenWhatIsClosed) {
  provider_stub proxy{once(answer("proxy"))};
  outbound_config config;
  config.proxy.http_proxy = "http://127.0.0.1:" + std::to_string(proxy.port());
  beast_client client{config};
  for (const auto* url :
       {"http://10.0.0.1/", "http://localhost/", "http://a.localhost/", "http://[::1]/", "http://api.example.test:22/"})
    EXPECT_EQ(call(client, make_request("GET", url))->failure().value_or(outbound_failure{}).code,
              outbound_errc::refused)
      << url;
  EXPECT_EQ(proxy.connections(), 0);
}

TEST(OutboundProxies, ThatCannotBeUsedAreNotPassedBy) {
  outbound_config config;
  config.proxy.http_proxy = "socks5://127.0.0.1:1080";
  beast_client client{config};
  const auto failure = call(client, make_request("GET", "http://api.example.test/"))->failure();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, outbound_errc::refused);
  EXPECT_THAT(failure->error, HasSubstr("HTTP_PROXY"));
}

} // namespace
} // namespace troupe::testing
