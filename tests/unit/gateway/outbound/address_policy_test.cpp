#include "gateway/outbound/addresses/address_policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace troupe {
namespace {

using ::testing::HasSubstr;

boost::asio::ip::address address(const std::string& text) {
  return boost::asio::ip::make_address(text);
}

outbound_target target(const std::string& url) {
  return std::get<outbound_target>(parse_target(url));
}

bool judges(const std::vector<std::string>& allow, const std::string& url) {
  return !address_policy{allow}.judge(target(url)).has_value();
}

bool allows(const std::vector<std::string>& allow, const std::string& url, const std::string& at) {
  return address_policy{allow}.allows(target(url), address(at));
}

TEST(PublicAddresses, AreThoseOfTheInternet) {
  for (const auto* text : {"1.1.1.1",         "8.8.8.8",
                           "9.255.255.255",   "11.0.0.0",
                           "100.63.255.255",  "100.128.0.0",
                           "126.255.255.255", "128.0.0.1",
                           "169.253.255.255", "169.255.0.0",
                           "172.15.255.255",  "172.32.0.0",
                           "192.0.1.0",       "192.0.3.0",
                           "192.167.255.255", "192.169.0.0",
                           "198.17.255.255",  "198.20.0.0",
                           "203.0.112.255",   "203.0.114.0",
                           "223.255.255.255", "2606:4700:4700::1111",
                           "2a00:1450::1",    "2001:4860:4860::8888"})
    EXPECT_TRUE(is_public(address(text))) << text;
}

TEST(PublicAddresses, AreNoneThatLeadInside) {
  for (const auto* text :
       {"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1",
        "127.255.255.255", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255"})
    EXPECT_FALSE(is_public(address(text))) << text;
  for (const auto* text : {"::", "::1", "fc00::1", "fd12:3456::1", "fe80::1", "febf::1", "fec0::1"})
    EXPECT_FALSE(is_public(address(text))) << text;
}

TEST(PublicAddresses, AreNoneThatAreReserved) {
  for (const auto* text : {"192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
                           "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"})
    EXPECT_FALSE(is_public(address(text))) << text;
  for (const auto* text :
       {"ff02::1", "2001:db8::1", "3fff::1", "100::1", "2001::1", "2001:2::1", "64:ff9b:1::1", "4000::1", "5f00::1"})
    EXPECT_FALSE(is_public(address(text))) << text;
}

TEST(PublicAddresses, AreNoneThatStandForOthers) {
  for (const auto* text : {"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1",
                           "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::192.168.1.1",
                           "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::"})
    EXPECT_FALSE(is_public(address(text))) << text;
  for (const auto* text : {"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"})
    EXPECT_TRUE(is_public(address(text))) << text;
}

TEST(AddressPolicy, OpensTheWebsPortsOnly) {
  EXPECT_TRUE(judges({}, "http://example.com"));
  EXPECT_TRUE(judges({}, "https://example.com"));
  EXPECT_TRUE(judges({}, "http://example.com:443"));
  EXPECT_FALSE(judges({}, "http://example.com:8080"));
  EXPECT_FALSE(judges({}, "http://example.com:22"));
}

TEST(AddressPolicy, OpensOtherPortsThatAreListed) {
  EXPECT_TRUE(judges({"example.com:8080"}, "http://example.com:8080"));
  EXPECT_FALSE(judges({"example.com:8080"}, "http://example.com:8081"));
  EXPECT_FALSE(judges({"example.com:8080"}, "http://other.example.com:8080"));
  EXPECT_TRUE(judges({"example.com"}, "http://example.com:8081"));
  EXPECT_TRUE(judges({"EXAMPLE.com."}, "http://example.com:8081"));
  EXPECT_TRUE(judges({"[fd00::7]:11434"}, "http://[FD00:0::7]:11434"));
}

TEST(AddressPolicy, SaysHowToOpenAPort) {
  const auto refusal = address_policy{{}}.judge(target("http://example.com:8080/"));
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(*refusal, "Port 8080 of example.com is not open to outbound calls; start the server with "
                      "--outbound-allow example.com:8080 to allow it.");
}

TEST(AddressPolicy, ClosesPrivateAddresses) {
  EXPECT_FALSE(judges({}, "http://127.0.0.1/"));
  EXPECT_FALSE(judges({}, "http://[::1]/"));
  EXPECT_FALSE(judges({}, "http://[::ffff:10.0.0.1]/"));
  EXPECT_FALSE(judges({}, "http://localhost/"));
  EXPECT_FALSE(judges({}, "http://LOCALHOST./"));
  EXPECT_FALSE(judges({}, "http://tools.localhost/"));
  EXPECT_TRUE(judges({}, "http://8.8.8.8/"));
  EXPECT_FALSE(allows({}, "http://example.com/", "10.0.0.1"));
  EXPECT_TRUE(allows({}, "http://example.com/", "8.8.8.8"));
}

TEST(AddressPolicy, OpensPrivateHostsThatAreListed) {
  EXPECT_TRUE(judges({"localhost"}, "http://localhost/"));
  EXPECT_TRUE(judges({"localhost:11434"}, "http://localhost:11434/"));
  EXPECT_FALSE(judges({"localhost:11434"}, "http://localhost/"));
  EXPECT_TRUE(judges({"127.0.0.1"}, "http://127.0.0.1:9000/"));
  EXPECT_TRUE(allows({"ollama.internal:80"}, "http://ollama.internal/", "10.0.0.1"));
  EXPECT_FALSE(allows({"ollama.internal:81"}, "http://ollama.internal/", "10.0.0.1"));
}

TEST(AddressPolicy, GoesByTheHostAsItIsNamed) {
  // A name that somebody else points at a listed address is not listed by that.
  EXPECT_FALSE(allows({"10.0.0.1"}, "http://example.com/", "10.0.0.1"));
  EXPECT_FALSE(allows({"internal"}, "http://db.internal/", "10.0.0.1"));
}

TEST(AddressPolicy, OpensEverythingForAnAsterisk) {
  EXPECT_TRUE(judges({"*"}, "http://127.0.0.1:6379/"));
  EXPECT_TRUE(allows({"*"}, "http://db.internal:8080/", "10.0.0.1"));
}

TEST(AddressPolicy, SaysHowToOpenAPrivateHost) {
  EXPECT_EQ(address_policy::refusal(target("https://db.internal/")),
            "db.internal is a private address; start the server with --outbound-allow db.internal:443 to allow it.");
  EXPECT_THAT(*address_policy{{}}.judge(target("http://[::1]/")), HasSubstr("--outbound-allow [::1]:80 "));
}

TEST(AddressPolicy, PassesOverWhatIsNoEntry) {
  EXPECT_FALSE(judges({"", "http://localhost", "127.0.0.1/8", "*:80", "::1", "localhost:x"}, "http://localhost/"));
}

} // namespace
} // namespace troupe
