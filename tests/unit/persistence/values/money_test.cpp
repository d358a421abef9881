#include "persistence/values/money.hpp"

#include <gtest/gtest.h>

namespace troupe {

TEST(Money, IsShownInUnitsOfTheCurrency) {
  EXPECT_DOUBLE_EQ(in_currency(1'500'000'000), 1.5);
  EXPECT_DOUBLE_EQ(in_currency(1), 1e-9);
}

TEST(Money, IsTakenToTheNearestBillionth) {
  EXPECT_EQ(from_currency(0.1), 100'000'000);
  // 1.1 has no exact form; what is nearest counts.
  EXPECT_EQ(from_currency(1.1), 1'100'000'000);
  EXPECT_EQ(from_currency(0.0000000004), 0);
}

TEST(Money, ComesBackAsItWasFromWhatIsShown) {
  for (const std::int64_t cost : {0L, 1L, 999'999'999L, 123'456'789'012L})
    EXPECT_EQ(from_currency(in_currency(cost)), cost);
}

} // namespace troupe
