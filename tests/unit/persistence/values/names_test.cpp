#include "persistence/values/names.hpp"

#include <gtest/gtest.h>

#include <string>

namespace troupe {
namespace {

TEST(Names, AreShortAsciiWords) {
  for (const auto* good : {"a", "default", "A-b_c.9", "-", "_x"})
    EXPECT_TRUE(is_valid_name(good)) << good;
  for (const auto* bad : {"", ".", "..", ".hidden", "a b", "a/b", "ü", "a\n", "a:b", "%41"})
    EXPECT_FALSE(is_valid_name(bad)) << bad;
  EXPECT_TRUE(is_valid_name(std::string(100, 'a')));
  EXPECT_FALSE(is_valid_name(std::string(101, 'a')));
}

TEST(Names, OfToolsAreWhatEveryProviderTakes) {
  for (const auto* good : {"a", "A-b_c9", "-", "_x", "9"})
    EXPECT_TRUE(is_valid_tool_name(good)) << good;
  for (const auto* bad : {"", "a.b", "a b", "a/b", "ü", "a\n", "a:b"})
    EXPECT_FALSE(is_valid_tool_name(bad)) << bad;
  EXPECT_TRUE(is_valid_tool_name(std::string(64, 'a')));
  EXPECT_FALSE(is_valid_tool_name(std::string(65, 'a')));
}

TEST(Names, OfArgumentsMayHoldDots) {
  for (const auto* good : {"a", "user.id", ".", ".a", "A-b_c9"})
    EXPECT_TRUE(is_valid_argument_name(good)) << good;
  for (const auto* bad : {"", "a b", "a/b", "{a", "ü"})
    EXPECT_FALSE(is_valid_argument_name(bad)) << bad;
  EXPECT_TRUE(is_valid_argument_name(std::string(64, 'a')));
  EXPECT_FALSE(is_valid_argument_name(std::string(65, 'a')));
}

TEST(Names, OfWhoeverSaysNothingAreNamesThemselves) {
  EXPECT_TRUE(is_valid_name(anonymous));
  EXPECT_TRUE(is_valid_name(default_bot));
}

} // namespace
} // namespace troupe
