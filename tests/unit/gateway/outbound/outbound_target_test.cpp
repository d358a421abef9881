#include "gateway/outbound/addresses/target.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace troupe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

outbound_target target(std::string_view url) {
  auto parsed = parse_target(url);
  if (const auto* wrong = std::get_if<std::string>(&parsed)) {
    ADD_FAILURE() << url << ": " << *wrong;
    return {};
  }
  return std::get<outbound_target>(std::move(parsed));
}

std::string refusal(std::string_view url) {
  auto parsed = parse_target(url);
  auto* wrong = std::get_if<std::string>(&parsed);
  return wrong != nullptr ? *wrong : std::string{};
}

TEST(OutboundTarget, TakesAUrlApart) {
  const auto one = target("https://api.example.com:8443/v1/chat?stream=true&x=%20");
  EXPECT_TRUE(one.tls);
  EXPECT_EQ(one.host, "api.example.com");
  EXPECT_EQ(one.port, 8443);
  EXPECT_EQ(one.path, "/v1/chat?stream=true&x=%20");
  EXPECT_EQ(one.authority(), "api.example.com:8443");
}

TEST(OutboundTarget, KnowsThePortOfTheScheme) {
  EXPECT_EQ(target("http://example.com").port, 80);
  EXPECT_EQ(target("https://example.com").port, 443);
  EXPECT_EQ(target("https://example.com").authority(), "example.com");
  EXPECT_EQ(target("https://example.com:443/").authority(), "example.com");
  EXPECT_EQ(target("https://example.com:80/").authority(), "example.com:80");
  EXPECT_EQ(target("https://example.com").endpoint(), "example.com:443");
}

TEST(OutboundTarget, AlwaysHasAPath) {
  EXPECT_EQ(target("http://example.com").path, "/");
  EXPECT_EQ(target("http://example.com?a=1").path, "/?a=1");
  EXPECT_EQ(target("http://example.com#part").path, "/");
}

TEST(OutboundTarget, DropsTheFragment) {
  EXPECT_EQ(target("http://example.com/a?b#c?d/e").path, "/a?b");
}

TEST(OutboundTarget, WritesSchemeAndHostInLowerCase) {
  const auto one = target("HTTPS://API.Example.COM./Path");
  EXPECT_TRUE(one.tls);
  EXPECT_EQ(one.host, "api.example.com");
  EXPECT_EQ(one.path, "/Path");
}

TEST(OutboundTarget, ReadsAddresses) {
  EXPECT_EQ(target("http://127.0.0.1:8080/").authority(), "127.0.0.1:8080");
  EXPECT_EQ(target("http://127.0.0.1./").host, "127.0.0.1");
  const auto ipv6 = target("http://[2001:DB8:0::1]:8080/a");
  EXPECT_EQ(ipv6.host, "2001:db8::1");
  EXPECT_EQ(ipv6.authority(), "[2001:db8::1]:8080");
  EXPECT_EQ(target("http://[::1]").authority(), "[::1]");
  EXPECT_TRUE(is_address(ipv6.host));
  EXPECT_TRUE(is_address("10.0.0.1"));
  EXPECT_FALSE(is_address("10.example.com"));
}

TEST(OutboundTarget, TakesNamesOfContainersAndMachines) {
  EXPECT_EQ(target("http://my_service:80").host, "my_service");
  EXPECT_EQ(target("http://0xservice.internal").host, "0xservice.internal");
  EXPECT_EQ(target("http://xn--bcher-kva.example").host, "xn--bcher-kva.example");
}

TEST(OutboundTarget, RefusesOtherSchemes) {
  for (const auto* url : {"", "example.com", "/path", "ftp://example.com", "file:///etc/passwd", "http:/example.com",
                          "http//example.com", "://example.com", " http://example.com"})
    EXPECT_FALSE(refusal(url).empty()) << url;
  EXPECT_THAT(refusal("ftp://example.com"), HasSubstr("http://"));
}

TEST(OutboundTarget, RefusesHostsThatSomebodyMightReadOtherwise) {
  for (const auto* url : {"http://",
                          "http:///path",
                          "http://:80/",
                          "http://./",
                          "http://a..b/",
                          "http://.a/",
                          "http://exa%6dple.com/",
                          "http://example.com\\@evil.com/",
                          "http://b\xc3\xbc"
                          "cher.example/",
                          "http://127.1/",
                          "http://2130706433/",
                          "http://0x7f.0.0.1/",
                          "http://0x7f000001/",
                          "http://127.0.0.0x1/",
                          "http://0177.0.0.1/",
                          "http://1.2.3.4.5/",
                          "http://256.0.0.1/",
                          "http://[::1/",
                          "http://::1/",
                          "http://[]/",
                          "http://[fe80::1%25eth0]/",
                          "http://[fe80::1%eth0]/",
                          "http://[127.0.0.1]/",
                          "http://[::1]80/",
                          "http://[::1]x/"})
    EXPECT_FALSE(refusal(url).empty()) << url;
  EXPECT_FALSE(refusal("http://" + std::string(64, 'a') + ".com").empty());
  std::string long_name;
  while (long_name.size() < 254)
    long_name += "abcdefg.";
  EXPECT_FALSE(refusal("http://" + long_name + "com").empty());
}

TEST(OutboundTarget, RefusesBadPorts) {
  for (const auto* url :
       {"http://a:/", "http://a:0/", "http://a:65536/", "http://a:x/", "http://a:80x/", "http://a:-1/", "http://a:+80/",
        "http://a:8 0/", "http://a:99999999999999999999/", "http://a:80:80/"})
    EXPECT_FALSE(refusal(url).empty()) << url;
}

TEST(OutboundTarget, RefusesUserNamesAndDoesNotRepeatThem) {
  const auto wrong = refusal("https://user:secret@example.com/");
  EXPECT_THAT(wrong, HasSubstr("password"));
  EXPECT_THAT(wrong, Not(HasSubstr("secret")));
  EXPECT_FALSE(refusal("https://@example.com/").empty());
}

TEST(OutboundTarget, RefusesSpacesAndControlCharacters) {
  using namespace std::string_view_literals;
  for (const auto url : {"http://example.com/a b"sv, "http://example.com/\r\nX: y"sv, "http://example.com/\0"sv,
                         "http://exa\tmple.com/"sv, "http://example.com/\x7f"sv, "http://example.com/\xc3\xbc"sv})
    EXPECT_FALSE(refusal(url).empty()) << url;
}

} // namespace
} // namespace troupe
