#include "gateway/forms/prefer.hpp"
#include "gateway/requests/header_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

/// Fields that are lists, and those that are read as such.
namespace troupe {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

TEST(HeaderList, SplitsOutsideOfQuotedStrings) {
  EXPECT_THAT(split_list("a, b;c=1 ,\t d", ','), ElementsAre("a", "b;c=1", "d"));
  EXPECT_THAT(split_list(R"(a="x, y", b)", ','), ElementsAre(R"(a="x, y")", "b"));
  EXPECT_THAT(split_list(R"(a="x\", y", b)", ','), ElementsAre(R"(a="x\", y")", "b"));
  EXPECT_THAT(split_list(R"(a="x; y"; q=1)", ';'), ElementsAre(R"(a="x; y")", "q=1"));
  EXPECT_THAT(split_list(R"(a, "b, c)", ','), ElementsAre("a", R"("b, c)"));
  EXPECT_THAT(split_list(R"(a, "b\)", ','), ElementsAre("a", R"("b\)"));
}

TEST(HeaderList, LeavesEmptyElementsOut) {
  EXPECT_THAT(split_list("", ','), IsEmpty());
  EXPECT_THAT(split_list(" ,\t,, ", ','), IsEmpty());
  EXPECT_THAT(split_list(",a,,b,", ','), ElementsAre("a", "b"));
}

TEST(HeaderList, GivesAllLinesOfAField) {
  boost::beast::http::fields headers;
  headers.insert("Prefer", "wait=1");
  headers.insert("Host", "x");
  headers.insert("prefer", "respond-async");
  EXPECT_THAT(field_lines(headers, "PREFER"), ElementsAre("wait=1", "respond-async"));
  EXPECT_THAT(field_lines(headers, "Accept"), IsEmpty());
}

TEST(EntityTags, AreFoundAsWholesWherevereTheyStand) {
  EXPECT_TRUE(names_tag({R"("a")"}, R"("a")"));
  EXPECT_TRUE(names_tag({R"(W/"a")"}, R"("a")"));
  EXPECT_TRUE(names_tag({R"("x", "a,b", "a")"}, R"("a")"));
  EXPECT_TRUE(names_tag({R"("x")", R"("a")"}, R"("a")"));
  EXPECT_TRUE(names_tag({"*"}, R"("a")"));
  EXPECT_FALSE(names_tag({}, R"("a")"));
  EXPECT_FALSE(names_tag({"a"}, R"("a")"));
  EXPECT_FALSE(names_tag({R"("x"a")"}, R"("a")")) << "a search for the text would find it";
  EXPECT_FALSE(names_tag({R"(w/"a")"}, R"("a")")) << "the mark of a weak tag is a capital";
}

// -- Prefer (RFC 7240) ----------------------------------------------------------------

TEST(Prefer, IsOneListOverAllItsLines) {
  const auto wish = read_preferences({"respond-async", "wait=5"});
  EXPECT_TRUE(wish.respond_async);
  EXPECT_EQ(wish.wait, 5s);
  EXPECT_EQ(read_preferences({"handling=lenient, Wait = 7;x=1"}).wait, 7s);
}

TEST(Prefer, TakesTheFirstOfTwo) {
  EXPECT_EQ(read_preferences({"wait=5, wait=9"}).wait, 5s);
  EXPECT_EQ(read_preferences({"wait=5", "wait=9"}).wait, 5s);
  EXPECT_EQ(read_preferences({"wait=x, wait=9"}).wait, std::nullopt);
}

TEST(Prefer, TakesQuotedWords) {
  EXPECT_EQ(read_preferences({R"(wait="5")"}).wait, 5s);
  EXPECT_FALSE(read_preferences({R"(note="a, respond-async")"}).respond_async);
  EXPECT_FALSE(read_preferences({R"(note="a, wait=3")"}).wait);
}

TEST(Prefer, PassesOverWhatItDoesNotKnow) {
  for (const auto* value : {"", "wait", "wait=", "wait=-1", "wait=1.5", "wait=x", "waits=3", "respond_async"}) {
    const auto wish = read_preferences({value});
    EXPECT_FALSE(wish.wait) << value;
    EXPECT_FALSE(wish.respond_async) << value;
  }
  EXPECT_EQ(read_preferences({"wait=99999"}).wait, 1h);
}

} // namespace
} // namespace troupe
