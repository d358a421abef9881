#include "gateway/http/framing.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string_view>
#include <utility>

namespace troupe {
namespace {

namespace http = boost::beast::http;

using fields = std::initializer_list<std::pair<http::field, std::string_view>>;

unsigned judge(unsigned version, fields given) {
  http::request_header<http::fields> header;
  header.version(version);
  for (const auto& [name, value] : given)
    header.insert(name, boost::beast::string_view{value.data(), value.size()});
  const auto error = judge_framing(header);
  return error ? error->status : 200;
}

TEST(JudgeFraming, TakesWellFormedHosts) {
  for (const auto* host : {"a", "example.org", "example.org:8080", "127.0.0.1:1", "[::1]", "[::1]:80", "[v1.a:b]",
                           "a:", "xn--bcher-kva.example", "a%20b", "under_score"})
    EXPECT_EQ(judge(11, {{http::field::host, host}}), 200u) << host;
}

TEST(JudgeFraming, RefusesMalformedHosts) {
  for (const auto* host : {"", ":80", "a b", "a/b", "a@b", "a:b", "a:123456", "a:80:80", "[::1", "[]", "[g::]",
                           "[::1]x", "::1", "a%2", "a%zz", "a,b c", "a\"b", "http://a"})
    EXPECT_EQ(judge(11, {{http::field::host, host}}), 400u) << host;
}

TEST(JudgeFraming, WantsOneHostOnHttp11AndAtMostOneOnHttp10) {
  EXPECT_EQ(judge(11, {}), 400u);
  EXPECT_EQ(judge(11, {{http::field::host, "a"}, {http::field::host, "a"}}), 400u);
  EXPECT_EQ(judge(10, {}), 200u);
  EXPECT_EQ(judge(10, {{http::field::host, "a"}}), 200u);
  EXPECT_EQ(judge(10, {{http::field::host, "a"}, {http::field::host, "b"}}), 400u);
}

TEST(JudgeFraming, RefusesOtherVersions) {
  for (const unsigned version : {9u, 12u, 20u})
    EXPECT_EQ(judge(version, {{http::field::host, "a"}}), 505u) << version;
}

TEST(JudgeFraming, TakesOnlyOneLengthOfDigits) {
  const auto length = [](std::string_view value) {
    return judge(11, {{http::field::host, "a"}, {http::field::content_length, value}});
  };
  EXPECT_EQ(length("0"), 200u);
  EXPECT_EQ(length("9999999999999999999"), 200u);
  for (const auto* value : {"", "+1", "-1", "0x1", "1,1", "1 1", "1.0", "10000000000000000000", "a"})
    EXPECT_EQ(length(value), 400u) << value;
  EXPECT_EQ(
    judge(11, {{http::field::host, "a"}, {http::field::content_length, "1"}, {http::field::content_length, "1"}}),
    400u);
}

TEST(JudgeFraming, TakesOnlyASingleChunkedOnHttp11) {
  const auto encoding = [](unsigned version, std::string_view value) {
    return judge(version, {{http::field::host, "a"}, {http::field::transfer_encoding, value}});
  };
  EXPECT_EQ(encoding(11, "chunked"), 200u);
  EXPECT_EQ(encoding(11, "Chunked"), 200u);
  EXPECT_EQ(encoding(10, "chunked"), 400u);
  for (const auto* value : {"", "gzip", "xchunked", "chunked,", "chunked, chunked", "gzip, chunked", "chunked;a=b"})
    EXPECT_EQ(encoding(11, value), 400u) << value;
  EXPECT_EQ(
    judge(11,
          {{http::field::host, "a"}, {http::field::transfer_encoding, "chunked"}, {http::field::content_length, "1"}}),
    400u);
  EXPECT_EQ(judge(11, {{http::field::host, "a"},
                       {http::field::transfer_encoding, "chunked"},
                       {http::field::transfer_encoding, "chunked"}}),
            400u);
}

TEST(HasFoldedLine, FindsSpacesAndTabsAtTheStartOfALine) {
  EXPECT_FALSE(has_folded_line("GET / HTTP/1.1\r\nA: b  c\r\nD: e\r\n\r\n"));
  EXPECT_TRUE(has_folded_line("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"));
  EXPECT_TRUE(has_folded_line("GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n"));
  EXPECT_TRUE(has_folded_line("GET / HTTP/1.1\r\n A: b\r\n\r\n"));
  EXPECT_FALSE(has_folded_line(""));
}

} // namespace
} // namespace troupe
