#include "gateway/outbound/response_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using progress = response_reader::progress;

class recording_sink final : public response_sink {
public:
  void on_head(outbound_head got) override { head = std::move(got); }
  bool on_part(std::string_view part) override {
    parts.emplace_back(part);
    return !stop;
  }

  [[nodiscard]] std::string body() const {
    std::string all;
    for (const auto& part : parts)
      all += part;
    return all;
  }

  std::optional<outbound_head> head;
  std::vector<std::string> parts;
  bool stop = false;
};

struct reading {
  progress result = progress::need_more;
  recording_sink sink;
  std::string problem;
  bool keep_alive = false;
};

/// Feeds `text` in pieces of `size` bytes, and closes.
reading read(std::string_view text, std::size_t size = std::string_view::npos, bool bodiless = false) {
  reading got;
  response_reader reader{got.sink, bodiless, 100};
  while (!text.empty() && got.result == progress::need_more) {
    const auto piece = text.substr(0, size);
    got.result = reader.feed(piece);
    text.remove_prefix(piece.size());
  }
  if (got.result == progress::need_more)
    got.result = reader.finish();
  got.problem = reader.problem();
  got.keep_alive = got.result == progress::complete && reader.keep_alive();
  return got;
}

TEST(ResponseReader, ReadsEveryFramingInPiecesOfEverySize) {
  const std::string_view whole[]{
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\n0ello",
    "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n0\r\n4;a=b\r\nello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\n0ello\r\n00\r\nX-Trailer: c\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 \r\nX-A: b\r\n\r\n0ello",
  };
  for (const auto text : whole) {
    for (std::size_t size = 1; size <= text.size(); ++size) {
      const auto got = read(text, size);
      ASSERT_EQ(got.result, progress::complete) << size << ": " << text << got.problem;
      ASSERT_TRUE(got.sink.head.has_value());
      ASSERT_EQ(got.sink.head->status, 200U);
      ASSERT_EQ(got.sink.head->header("x-a"), "b");
      ASSERT_EQ(got.sink.head->header("x-trailer"), "");
      ASSERT_EQ(got.sink.body(), "0ello") << size << ": " << text;
    }
  }
}

TEST(ResponseReader, ReadsAnEmptyChunkedBodyInPiecesOfEverySize) {
  constexpr std::string_view text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    const auto got = read(text, size);
    ASSERT_EQ(got.result, progress::complete) << size;
    ASSERT_TRUE(got.sink.parts.empty());
    ASSERT_TRUE(got.keep_alive);
  }
}

TEST(ResponseReader, PassesEveryPartOnAtOnceAndWhole) {
  recording_sink sink;
  response_reader reader{sink, false, 1000};
  EXPECT_EQ(reader.feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), progress::need_more);
  EXPECT_TRUE(sink.head.has_value());
  const std::string long_part(200, 'b');
  EXPECT_EQ(reader.feed("1\r\na\r\n"), progress::need_more);
  EXPECT_EQ(reader.feed("c8\r\n" + long_part + "\r\n"), progress::need_more);
  EXPECT_EQ(reader.feed("1\r\nc\r\n1\r\nd\r\n2\r\ne"), progress::need_more);
  EXPECT_THAT(sink.parts, ElementsAre("a", long_part, "c", "d", "e"));
  EXPECT_EQ(reader.feed("f\r\n0\r\n\r\n"), progress::complete);
  EXPECT_TRUE(reader.keep_alive());
}

TEST(ResponseReader, KnowsWhatHasNoBody) {
  for (const auto* text : {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}) {
    const auto got = read(text);
    EXPECT_EQ(got.result, progress::complete) << text;
    EXPECT_TRUE(got.keep_alive) << text;
  }
  const auto got = read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 1, true);
  EXPECT_EQ(got.result, progress::complete);
  EXPECT_TRUE(got.keep_alive);
}

TEST(ResponseReader, KnowsWhatEndsAConnection) {
  for (const auto* text :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nuntil the end",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"}) {
    const auto got = read(text);
    EXPECT_EQ(got.result, progress::complete) << text;
    EXPECT_FALSE(got.keep_alive) << text;
  }
}

TEST(ResponseReader, NoticesAnAnswerThatIsCutOff) {
  for (const auto* text : {"HTTP/1.1 2", "HTTP/1.1 200 OK\r\nA: b", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"}) {
    for (const std::size_t size : {1, 1000}) {
      const auto got = read(text, size);
      EXPECT_EQ(got.result, progress::failed) << text;
      EXPECT_EQ(got.problem, "") << text;
    }
  }
}

TEST(ResponseReader, RefusesWhatIsNoHttp) {
  for (const auto* text :
       {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 000 None\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA b\r\n\r\n", "HTTP/1.1 200 OK\nA: b\n\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\naXXXX",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"}) {
    const auto got = read(text);
    EXPECT_EQ(got.result, progress::failed) << text;
    EXPECT_NE(got.problem, "") << text;
  }
}

TEST(ResponseReader, RefusesWhatIsCompressed) {
  EXPECT_THAT(read("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc").problem,
              HasSubstr("compressed"));
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc").sink.body(), "abc");
}

TEST(ResponseReader, RefusesALongBody) {
  const std::string body(101, 'x');
  for (const auto& text : {"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + body, "HTTP/1.1 200 OK\r\n\r\n" + body,
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + body + "\r\n0\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n64\r\n" + body}) {
    const auto got = read(text);
    EXPECT_EQ(got.result, progress::failed);
    EXPECT_EQ(got.problem, "is longer than 100 bytes");
  }
}

TEST(ResponseReader, RefusesHeadersThatDoNotEnd) {
  const std::string one_field = "X-Filler: " + std::string(1000, 'x') + "\r\n";
  std::string header = "HTTP/1.1 200 OK\r\n";
  std::string trailer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  for (int i = 0; i < 70; ++i) {
    header += one_field;
    trailer += one_field;
  }
  const auto extension = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(70'000, 'x');
  const auto line = "HTTP/1.1 200 " + std::string(70'000, 'x');
  for (const auto& text : {header, trailer, extension, line, "HTTP/1.1 200 OK\r\nA: " + std::string(70'000, 'x')}) {
    for (const std::size_t size : {100, 1000, 1'000'000}) {
      const auto got = read(text, size);
      EXPECT_EQ(got.result, progress::failed);
      EXPECT_NE(got.problem, "") << size << ": " << text.substr(0, 80);
    }
  }
}

TEST(ResponseReader, StopsWhenNobodyListens) {
  recording_sink sink;
  sink.stop = true;
  response_reader reader{sink, false, 1000};
  EXPECT_EQ(reader.feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n"), progress::failed);
  EXPECT_THAT(sink.parts, ElementsAre("a"));
}

} // namespace
} // namespace troupe
