#include "persistence/rules/fallbacks.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace troupe {
namespace {

TEST(Fallbacks, AreOtherModelsThanTheBotsOwn) {
  EXPECT_EQ(refuse_fallback("spare", "main", {}), "");
  EXPECT_EQ(refuse_fallback("main", "main", {}), "is the bot's model already");
  // Where none was named, or what was named is no name.
  EXPECT_EQ(refuse_fallback("spare", "", {}), "");
}

TEST(Fallbacks, AreEachAskedOnce) {
  const std::vector<std::string> before{"first", "second"};
  EXPECT_EQ(refuse_fallback("third", "main", before), "");
  EXPECT_EQ(refuse_fallback("first", "main", before), "is listed twice");
  EXPECT_EQ(refuse_fallback("second", "main", before), "is listed twice");
  EXPECT_EQ(refuse_fallback("Second", "main", before), "");
}

} // namespace
} // namespace troupe
