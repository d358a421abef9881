#include "actors/remote/sse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace troupe {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using events = std::vector<sse_event>;

/// What comes of a stream whose pieces these are.
events read_pieces(const std::vector<std::string>& pieces) {
  sse_parser parser;
  events out;
  for (const auto& piece : pieces)
    EXPECT_TRUE(parser.read(piece, out));
  parser.finish(out);
  return out;
}

events read_bytes(std::string_view stream) {
  std::vector<std::string> pieces;
  for (const char c : stream)
    pieces.emplace_back(1, c);
  return read_pieces(pieces);
}

} // namespace

TEST(SseParser, JoinsDataLines) {
  EXPECT_THAT(read_pieces({"data: one\ndata:two\ndata\ndata:  three\n\n"}),
              ElementsAre(sse_event{"", "one\ntwo\n\n three"}));
}

TEST(SseParser, GivesEachEventItsName) {
  EXPECT_THAT(read_pieces({"event: a\ndata: 1\n\ndata: 2\n\nevent:b\nevent: c\ndata: 3\n\n"}),
              ElementsAre(sse_event{"a", "1"}, sse_event{"", "2"}, sse_event{"c", "3"}));
}

TEST(SseParser, PassesOverWhatIsNoEvent) {
  EXPECT_THAT(read_pieces({": comment\n:\n\nid: 7\nretry: 10\nother: x\ndata: 1\n\nevent: no data\n\n\n\ndata: 2\n\n"}),
              ElementsAre(sse_event{"", "1", "7"}, sse_event{"", "2", "7"}));
}

TEST(SseParser, GivesEachEventTheIdThatHeldWhenItWasComplete) {
  EXPECT_THAT(read_pieces({"id: 7\nevent: chat:chunk\ndata: {\"a\":1}\n\n"}),
              ElementsAre(sse_event{"chat:chunk", "{\"a\":1}", "7"}));
  EXPECT_THAT(read_pieces({"data: 1\n\nid: a\ndata: 2\n\ndata: 3\n\nid: b\n\ndata: 4\nid: c\n\nid\ndata: 5\n\n"}),
              ElementsAre(sse_event{"", "1"}, sse_event{"", "2", "a"}, sse_event{"", "3", "a"}, sse_event{"", "4", "c"},
                          sse_event{"", "5"}));
}

TEST(SseParser, ReadsAnEventWithAllItsFieldsHoweverItIsCut) {
  const std::string bytes = "\xEF\xBB\xBFid: 1\r\nevent: a\r\ndata: x\r\ndata: y\r\n\r\ndata: z\r\n\r\n";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut)
    EXPECT_THAT(read_pieces({bytes.substr(0, cut), bytes.substr(cut)}),
                ElementsAre(sse_event{"a", "x\ny", "1"}, sse_event{"", "z", "1"}))
      << "cut at " << cut;
}

TEST(SseParser, TakesDifferentLineEndsInOneStream) {
  EXPECT_THAT(read_pieces({"data: a\r\rdata: b\n\ndata: c\r\n\r\n"}),
              ElementsAre(sse_event{"", "a"}, sse_event{"", "b"}, sse_event{"", "c"}));
}

TEST(SseParser, PassesOverCommentsAndBlocksWithoutData) {
  EXPECT_THAT(read_pieces({": alive\n\nevent: lost\n\nretry: 5\nunknown: x\ndata\n\n"}),
              ElementsAre(sse_event{"", ""}));
}

TEST(SseParser, TakesOnlyOneSpaceBehindTheColon) {
  EXPECT_THAT(read_pieces({"data:  two\n\ndata:none\n\n"}), ElementsAre(sse_event{"", " two"}, sse_event{"", "none"}));
}

TEST(SseParser, WaitsForTheEndOfAnEvent) {
  sse_parser parser;
  events out;
  EXPECT_TRUE(parser.read("data: a\n", out));
  EXPECT_THAT(out, IsEmpty());
  EXPECT_TRUE(parser.read("\n", out));
  EXPECT_THAT(out, ElementsAre(sse_event{"", "a"}));
}

TEST(SseParser, TakesEmptyDataForData) {
  EXPECT_THAT(read_pieces({"data:\n\n"}), ElementsAre(sse_event{"", ""}));
}

TEST(SseParser, KeepsColonsAndSpacesOfAValue) {
  EXPECT_THAT(read_pieces({"data: a: b : \n\n"}), ElementsAre(sse_event{"", "a: b : "}));
}

TEST(SseParser, TakesEveryLineEnd) {
  for (const std::string end : {"\n", "\r", "\r\n"}) {
    const auto stream = "event: a" + end + "data: 1" + end + "data: 2" + end + end + "data: 3" + end + end;
    const events expected{{"a", "1\n2"}, {"", "3"}};
    EXPECT_EQ(read_pieces({stream}), expected);
    EXPECT_EQ(read_bytes(stream), expected);
  }
}

TEST(SseParser, TakesCrLfForOneLineEndAlsoAcrossPieces) {
  EXPECT_THAT(read_pieces({"data: 1\r", "\ndata: 2\r", "", "\n\r", "\n"}), ElementsAre(sse_event{"", "1\n2"}));
}

TEST(SseParser, DoesNotWaitForTheByteBehindACr) {
  sse_parser parser;
  events out;
  EXPECT_TRUE(parser.read("data: 1\r\r", out));
  EXPECT_THAT(out, ElementsAre(sse_event{"", "1"}));
}

TEST(SseParser, PassesOverAByteOrderMarkAtTheStartOnly) {
  const std::string mark = "\xef\xbb\xbf";
  const std::string stream = mark + "data: 1\n\n" + mark + "data: 2\n\n";
  EXPECT_THAT(read_pieces({stream}), ElementsAre(sse_event{"", "1"}));
  EXPECT_THAT(read_bytes(stream), ElementsAre(sse_event{"", "1"}));
}

TEST(SseParser, EndsTheLastEventWithTheStream) {
  EXPECT_THAT(read_pieces({"data: 1\n\ndata: 2\n"}), ElementsAre(sse_event{"", "1"}, sse_event{"", "2"}));
  EXPECT_THAT(read_pieces({"data: 1\n\ndata: 2"}), ElementsAre(sse_event{"", "1"}, sse_event{"", "2"}));
  EXPECT_THAT(read_pieces({"data: 1\n\nevent: x\n"}), ElementsAre(sse_event{"", "1"}));
  EXPECT_THAT(read_pieces({}), IsEmpty());
}

TEST(SseParser, FinishesOnce) {
  sse_parser parser;
  events out;
  EXPECT_TRUE(parser.read("data: 1", out));
  parser.finish(out);
  parser.finish(out);
  EXPECT_EQ(out.size(), 1U);
}

TEST(SseParser, RefusesALineThatIsTooLongForGood) {
  sse_parser parser{16};
  events out;
  EXPECT_TRUE(parser.read("data: 1\n\ndata: 789012345", out));
  EXPECT_TRUE(parser.read("6", out));
  EXPECT_FALSE(parser.read("7", out));
  EXPECT_FALSE(parser.read("\n\ndata: 2\n\n", out));
  parser.finish(out);
  EXPECT_THAT(out, ElementsAre(sse_event{"", "1"}));
}

TEST(SseParser, RefusesDataThatIsTooLongForGood) {
  sse_parser parser{16};
  events out;
  EXPECT_TRUE(parser.read("data:34567\ndata:9012345\n", out));
  EXPECT_FALSE(parser.read("data:01234\n\n", out));
  EXPECT_FALSE(parser.read("data: 2\n\n", out));
  parser.finish(out);
  EXPECT_THAT(out, IsEmpty());
}

TEST(SseParser, CountsDataPerEvent) {
  sse_parser parser{16};
  events out;
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(parser.read("data: 1234567890\n\n", out));
  EXPECT_EQ(out.size(), 100U);
}

TEST(SseParser, ReadsTheSameHoweverTheStreamIsCut) {
  std::mt19937 random{20240601};
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>{0, n - 1}(random); };
  const std::vector<std::string> lines{"data: a",        "data:",    "data",       "event: n", "event",    ": comment",
                                       "id: 1",          "",         "",           "",         "nonsense", ":",
                                       "data: \xc3\xa4", "data: \n", "event: m:n", "retry: x"};
  const std::vector<std::string> ends{"\n", "\r", "\r\n"};
  for (int round = 0; round < 500; ++round) {
    std::string stream = below(4) == 0 ? "\xef\xbb\xbf" : "";
    for (auto n = below(30); n > 0; --n)
      stream += lines[below(lines.size())] + ends[below(ends.size())];
    const auto whole = read_pieces({stream});
    EXPECT_EQ(read_bytes(stream), whole);
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < stream.size();) {
      pieces.push_back(stream.substr(at, below(9)));
      at += pieces.back().size();
    }
    EXPECT_EQ(read_pieces(pieces), whole);
  }
}

} // namespace troupe
