#include "gateway/outbound/addresses/proxy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace troupe {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

outbound_target target(const std::string& url) {
  return std::get<outbound_target>(parse_target(url));
}

proxy_server only_proxy(const std::string& url) {
  const proxy_settings settings{{url, {}, {}}};
  const auto* proxy = settings.proxy_for(target("http://example.com"));
  return proxy != nullptr ? *proxy : proxy_server{};
}

bool is_proxied(const std::string& no_proxy, const std::string& url) {
  const proxy_settings settings{{"http://proxy:3128", "http://proxy:3128", no_proxy}};
  return settings.proxy_for(target(url)) != nullptr;
}

TEST(OutboundProxy, IsChosenByTheScheme) {
  const proxy_settings settings{{"http://plain:1", "http://secure:2", {}}};
  EXPECT_EQ(settings.proxy_for(target("http://example.com"))->endpoint(), "plain:1");
  EXPECT_EQ(settings.proxy_for(target("https://example.com"))->endpoint(), "secure:2");
  const proxy_settings none{{{}, "http://secure:2", {}}};
  EXPECT_EQ(none.proxy_for(target("http://example.com")), nullptr);
}

TEST(OutboundProxy, IsReadFromItsUrl) {
  EXPECT_EQ(only_proxy("http://proxy.example:3128/").endpoint(), "proxy.example:3128");
  EXPECT_EQ(only_proxy("proxy.example:3128").endpoint(), "proxy.example:3128");
  EXPECT_EQ(only_proxy("http://Proxy.Example").endpoint(), "proxy.example:80");
  EXPECT_EQ(only_proxy("http://[::1]:3128").endpoint(), "[::1]:3128");
  EXPECT_EQ(only_proxy("http://proxy").authorization, "");
}

TEST(OutboundProxy, IsGivenItsPassword) {
  // The example of RFC 7617, section 2.
  EXPECT_EQ(only_proxy("http://Aladdin:open%20sesame@proxy").authorization, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(only_proxy("http://user@proxy").authorization, "Basic dXNlcjo=");
  EXPECT_EQ(only_proxy("http://user:a:b%4@proxy").authorization, "Basic dXNlcjphOmIlNA==");
  EXPECT_EQ(only_proxy("user:p@ss@proxy:1").endpoint(), "proxy:1");
}

TEST(OutboundProxy, SaysWhyItCannotBeUsed) {
  for (const auto* url : {"https://proxy:1", "socks5://proxy:1", "http://", "http://proxy:x", "http://user:secret@"})
    EXPECT_THAT(only_proxy(url).error, AllOf(HasSubstr("HTTP_PROXY"), Not(HasSubstr("secret")))) << url;
  EXPECT_EQ(only_proxy("http://proxy:1").error, "");
}

TEST(OutboundProxy, IsNotUsedForNamesInNoProxy) {
  for (const auto* list :
       {"example.com", ".example.com", "*.example.com", "a.b, Example.COM", "x example.com y", "*"}) {
    EXPECT_FALSE(is_proxied(list, "http://example.com/")) << list;
    EXPECT_FALSE(is_proxied(list, "https://api.example.com/")) << list;
  }
  EXPECT_TRUE(is_proxied("example.com", "http://badexample.com/"));
  EXPECT_TRUE(is_proxied("api.example.com", "http://example.com/"));
  EXPECT_TRUE(is_proxied("", "http://example.com/"));
  EXPECT_TRUE(is_proxied(" , ,,", "http://example.com/"));
}

TEST(OutboundProxy, IsNotUsedForPortsInNoProxy) {
  EXPECT_FALSE(is_proxied("example.com:8080", "http://example.com:8080/"));
  EXPECT_TRUE(is_proxied("example.com:8080", "http://example.com/"));
}

TEST(OutboundProxy, IsNotUsedForAddressesInNoProxy) {
  EXPECT_FALSE(is_proxied("127.0.0.1", "http://127.0.0.1/"));
  EXPECT_FALSE(is_proxied("::1", "http://[::1]/"));
  EXPECT_FALSE(is_proxied("[::1]:80", "http://[::1]/"));
  EXPECT_FALSE(is_proxied("10.0.0.0/8", "http://10.1.2.3/"));
  EXPECT_FALSE(is_proxied("172.16.0.0/12", "http://172.31.0.1/"));
  EXPECT_FALSE(is_proxied("fd00::/8", "http://[fd12::1]/"));
  EXPECT_TRUE(is_proxied("10.0.0.0/8", "http://11.0.0.1/"));
  EXPECT_TRUE(is_proxied("172.16.0.0/12", "http://172.32.0.1/"));
  EXPECT_TRUE(is_proxied("10.0.0.0/8", "http://[fd12::1]/"));
  EXPECT_TRUE(is_proxied("0.0.0.1", "http://10.0.0.1/"));
  EXPECT_TRUE(is_proxied("10.0.0.0/x,10.0.0.0/", "http://10.0.0.0/"));
}

TEST(OutboundProxy, IsReadFromTheEnvironment) {
  std::map<std::string, std::string> variables{{"HTTP_PROXY", "capital"},
                                               {"http_proxy", "small"},
                                               {"HTTPS_PROXY", "secure"},
                                               {"https_proxy", ""},
                                               {"no_proxy", "x"}};
  const auto environment = read_proxy_environment([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
  EXPECT_EQ(environment.http_proxy, "small");
  EXPECT_EQ(environment.https_proxy, "secure");
  EXPECT_EQ(environment.no_proxy, "x");
}

} // namespace
} // namespace troupe
