#include "gateway/forms/text.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::string_literals;

TEST(Utf8, TakesTheFirstAndLastOfEveryLength) {
  for (const auto& text :
       {""s, "\0"s, "\x7f"s, "\xc2\x80"s, "\xdf\xbf"s, "\xe0\xa0\x80"s, "\xed\x9f\xbf"s, "\xee\x80\x80"s,
        "\xef\xbf\xbf"s, "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s, "aü\xf0\x9f\x98\x80z"s})
    EXPECT_TRUE(is_valid_utf8(text)) << testing::PrintToString(text);
}

TEST(Utf8, RefusesWhatIsNotWellFormed) {
  for (const auto& text : {"\x80"s, "\xbf"s, "\xc0\x80"s, "\xc1\xbf"s, "\xc2"s, "\xc2\x41"s, "\xe0\x9f\xbf"s,
                           "\xed\xa0\x80"s, "\xed\xbf\xbf"s, "\xe2\x82"s, "\xe2\x82\x41"s, "\xf0\x8f\xbf\xbf"s,
                           "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "\xf0\x9f\x98"s, "\xff"s, "a\xfe"s})
    EXPECT_FALSE(is_valid_utf8(text)) << testing::PrintToString(text);
}

TEST(Utf8, CountsCharactersNotBytes) {
  EXPECT_EQ(count_code_points(""), 0U);
  EXPECT_EQ(count_code_points("aü€\xf0\x9f\x98\x80"), 4U);
}

TEST(Utf8, IsNeverCutWithinACharacter) {
  const std::string text = "aü€\xf0\x9f\x98\x80";
  for (std::size_t bytes = 0; bytes <= text.size() + 1; ++bytes) {
    EXPECT_TRUE(is_valid_utf8(cut_utf8(text, bytes))) << bytes;
    EXPECT_LE(cut_utf8(text, bytes).size(), bytes);
  }
  EXPECT_EQ(cut_utf8(text, 9), "aü€");
  EXPECT_EQ(cut_utf8(text, 10), text);
}

TEST(Excerpt, IsShortAndHasNoControlCharacters) {
  EXPECT_EQ(excerpt("a\nb"), "\"a?b\"");
  EXPECT_EQ(excerpt(std::string(61, 'x')), "\"" + std::string(60, 'x') + "…\"");
  EXPECT_EQ(excerpt(std::string(60, 'x')), "\"" + std::string(60, 'x') + "\"");
}

} // namespace
} // namespace troupe
