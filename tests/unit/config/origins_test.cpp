#include "config/origins.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace troupe {
namespace {

std::string written(std::string_view text) {
  const auto read = parse_authority(text);
  if (!read)
    return "none";
  return read->host + (read->port ? " " + std::to_string(*read->port) : "");
}

TEST(Authorities, HaveAHostAndPerhapsAPort) {
  const std::vector<std::pair<std::string, std::string>> cases{
    {"localhost", "localhost"},
    {"LocalHost:8080", "localhost 8080"},
    {"localhost.", "localhost."},
    {"a.example:", "a.example"},
    {"127.0.0.1:65535", "127.0.0.1 65535"},
    {"[::1]", "[::1]"},
    {"[0:0:0:0:0:0:0:1]:80", "[::1] 80"},
    {"[::FFFF:127.0.0.1]", "[::ffff:127.0.0.1]"},
    {"[2001:DB8::0:1]:443", "[2001:db8::1] 443"},
    {"xn--bcher-kva.example", "xn--bcher-kva.example"},
    {"my_host", "my_host"},
    {"a.example:00080", "a.example 80"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(written(text), expected) << text;
}

TEST(Authorities, AreReadStrictly) {
  for (const std::string text : {"",
                                 ":80",
                                 ".",
                                 "..",
                                 "a..b",
                                 ".a",
                                 "user@host",
                                 "host/path",
                                 "host?x",
                                 "host#x",
                                 "a b",
                                 "a,b",
                                 "h%6fst",
                                 "::1",
                                 "[::1",
                                 "::1]",
                                 "[::1]x",
                                 "[]",
                                 "[fe80::1%25eth0]",
                                 "[fe80::1%eth0]",
                                 "[v1.x]",
                                 "host:65536",
                                 "host:-1",
                                 "host:8x",
                                 "host:1:2",
                                 "b\xc3\xbc"
                                 "cher",
                                 "a\\b",
                                 "*"})
    EXPECT_EQ(written(text), "none") << text;
  EXPECT_EQ(written(std::string(254, 'a')), "none");
  EXPECT_EQ(written(std::string_view{"a\0b", 3}), "none");
}

TEST(Origins, AreASchemeAHostAndAPort) {
  const std::vector<std::pair<std::string, std::string>> cases{
    {"http://localhost:3000", "http://localhost:3000"},
    {"HTTPS://App.Example", "https://app.example"},
    {"https://app.example:443", "https://app.example"},
    {"http://app.example:80", "http://app.example"},
    {"https://app.example:80", "https://app.example:80"},
    {"http://[::1]:8080", "http://[::1]:8080"},
    {"tauri://localhost", "tauri://localhost"},
    {"chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"},
  };
  for (const auto& [text, expected] : cases) {
    const auto read = parse_origin(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(to_string(*read), expected);
  }
}

TEST(Origins, OfOnePageAreEqualHoweverTheyAreWritten) {
  EXPECT_EQ(parse_origin("http://a.example"), parse_origin("HTTP://A.example:80"));
  EXPECT_NE(parse_origin("http://a.example"), parse_origin("https://a.example"));
  EXPECT_NE(parse_origin("http://a.example"), parse_origin("http://a.example:8080"));
  EXPECT_NE(parse_origin("http://a.example"), parse_origin("http://a.example."));
}

TEST(Origins, AreReadStrictly) {
  for (const auto* text : {"",
                           "null",
                           "*",
                           "localhost",
                           "//localhost",
                           "://a",
                           "http:/a",
                           "http://",
                           "http://a/",
                           "http://a/path",
                           "http://a?",
                           "http://a#",
                           "http://user@a",
                           "http://user:pw@a",
                           "http://a http://b",
                           "http://a,http://b",
                           " http://a",
                           "http://a ",
                           "http://a:",
                           "1http://a",
                           "http://a:99999",
                           "data:text/html",
                           "file:///"})
    EXPECT_FALSE(parse_origin(text)) << text;
}

} // namespace
} // namespace troupe
