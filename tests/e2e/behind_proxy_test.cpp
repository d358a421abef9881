#include "tests/e2e/server_test.hpp"
#include "tests/providers/browser.hpp"
#include "tests/providers/documented.hpp"
#include "tests/providers/haproxy.hpp"
#include "tests/providers/nginx.hpp"
#include "tests/transport/test_certificates.hpp"

#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>

/// The configurations of config/OPERATIONS.md, as they stand there, in front of the real binary and with a real browser
/// before them: TLS, HTTP/2, streams that come as they are written, WebSockets, requests that wait.
namespace troupe {

namespace {

std::string address(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

template <class Proxy>
class BehindProxy : public server_test {
protected:
  void SetUp() override {
    const testing::test_authority authority;
    std::ofstream{certificate()} << pem(authority.issue("DNS:troupe.test"));
  }

  [[nodiscard]] std::string certificate() const { return files_.file("troupe.pem"); }

  /// The documented configuration with this machine's ports and files, and another time-out if there is one.
  [[nodiscard]] std::string configuration(std::uint16_t port, const std::optional<std::string>& timeout);

  void start_proxy(const std::optional<std::string>& timeout = {}) {
    proxy_.emplace([&](std::uint16_t port) { return configuration(port, timeout); });
  }

  [[nodiscard]] std::string url() const { return "https://troupe.test:" + std::to_string(proxy_->port()); }

private:
  temporary_folder files_;
  std::optional<Proxy> proxy_;
};

template <>
std::string BehindProxy<nginx>::configuration(std::uint16_t port, const std::optional<std::string>& timeout) {
  auto text = documented("nginx");
  replace(text, "listen 443 ", "listen " + address(port) + " ");
  replace(text, "127.0.0.1:8080", address(server().port()));
  replace(text, "/etc/ssl/certs/troupe.pem", certificate());
  replace(text, "/etc/ssl/private/troupe.key", certificate());
  if (timeout) {
    replace(text, "proxy_read_timeout 120s", "proxy_read_timeout " + *timeout);
  }
  return text;
}

template <>
std::string BehindProxy<haproxy>::configuration(std::uint16_t port, const std::optional<std::string>& timeout) {
  auto text = documented("haproxy");
  replace(text, "bind :443 ", "bind " + address(port) + " ");
  replace(text, "127.0.0.1:8080", address(server().port()));
  replace(text, "/etc/haproxy/troupe.pem", certificate());
  if (timeout) {
    replace(text, "timeout server 120s", "timeout server " + *timeout);
  }
  return text;
}

using proxies = ::testing::Types<nginx, haproxy>;
class proxy_names {
public:
  template <class Proxy>
  static std::string GetName(int) {
    return std::is_same_v<Proxy, nginx> ? "Nginx" : "Haproxy";
  }
};

} // namespace

TYPED_TEST_SUITE(BehindProxy, proxies, proxy_names);

TYPED_TEST(BehindProxy, EverythingWorksAsItDoesWithoutOne) {
  TROUPE_NEEDS(TypeParam);
  TROUPE_NEEDS(browser);
  this->start({"--http-allowed-hosts", "troupe.test"});
  this->start_proxy();
  browser pages;
  const auto found
    = pages.run(this->url() + "/openapi.json", "guest_page.js", {{"api", this->url()}, {"bot", "of-the-page"}});
  EXPECT_EQ(found.value("create", json{}), 201) << found;
  EXPECT_EQ(found.value("read", json{}), 200) << found;
  EXPECT_EQ(found.value("etag", json{}), true) << found;
  EXPECT_EQ(found.value("follow", json{}), "completed") << "an EventSource";
  EXPECT_EQ(found.value("live", json{}), "RUNNING") << "what is written comes at once";
  EXPECT_EQ(found.value("wait", json{}), "COMPLETED") << found;
  EXPECT_EQ(found.value("chat", json{}), "answered") << "a WebSocket";
  EXPECT_EQ(found.value("put", json{}), 201) << found;
  EXPECT_EQ(found.value("remove", json{}), 204) << found;
  EXPECT_EQ(found.value("patch", json{}), "CANCELLED") << found;
  EXPECT_EQ(found.value("problem", json{}), "not_found") << found;
}

TYPED_TEST(BehindProxy, ARequestThatWaitsForLongerThanTheProxyDoesWantsPrefer) {
  TROUPE_NEEDS(TypeParam);
  TROUPE_NEEDS(browser);
  this->start({"--http-allowed-hosts", "troupe.test"});
  this->start_proxy("3s");
  browser pages;
  const auto found = pages.run(this->url() + "/openapi.json", "waiting_page.js", {{"api", this->url()}});
  const json expected{
    {"without", 504}, {"without_status", "RUNNING"}, {"with", 202}, {"with_status", "RUNNING"}, {"again", 202}};
  EXPECT_EQ(found, expected) << "nobody's hanging up stops a task, and who asks again goes on waiting";
}

TYPED_TEST(BehindProxy, ANameThatIsNotAllowedIsRefused) {
  TROUPE_NEEDS(TypeParam);
  TROUPE_NEEDS(browser);
  this->start();
  this->start_proxy();
  browser pages;
  const auto found = pages.run(this->url() + "/", "guest_page.js", {{"api", this->url()}, {"bot", "of-the-page"}},
                               browser::page::blank);
  EXPECT_EQ(found.value("metrics", json{}), 421) << found;
}

} // namespace troupe
