#include "persistence/outage.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using word = outage::word;

constexpr auto full = store_trouble::disk_full;

TEST(Outage, IsToldWhenItBeginsAndWhenItEnds) {
  outage one;
  const outage::time start{1h};
  EXPECT_FALSE(one.is_on());
  EXPECT_EQ(one.failed(full, start), word::began);
  EXPECT_TRUE(one.is_on());
  EXPECT_EQ(one.failed(full, start + 1s), word::nothing);
  EXPECT_EQ(one.succeeded(start + 5s), word::ended);
  EXPECT_FALSE(one.is_on());
  EXPECT_EQ(one.length(start + 7s), 5s);
  EXPECT_EQ(one.succeeded(start + 8s), word::nothing);
  EXPECT_EQ(one.counts()[static_cast<std::size_t>(full)], 1U);
}

TEST(Outage, IsRemindedOfEachMinute) {
  outage one;
  const outage::time start{1h};
  one.failed(full, start);
  int reminders = 0;
  for (auto at = start; at < start + 10min; at += 500ms)
    reminders += one.failed(full, at) == word::lasts ? 1 : 0;
  EXPECT_EQ(reminders, 9);
}

TEST(Outage, ThatComesAndGoesDoesNotFloodTheLogAndIsCounted) {
  outage one;
  int words = 0;
  auto at = outage::time{1h};
  for (int i = 0; i < 300; ++i, at += 200ms) {
    words += one.failed(full, at) != word::nothing ? 1 : 0;
    words += one.succeeded(at + 100ms) != word::nothing ? 1 : 0;
  }
  EXPECT_EQ(words, 4) << "two beginnings and two ends in a minute";
  EXPECT_EQ(one.counts()[static_cast<std::size_t>(full)], 300U);
}

TEST(Outage, ThatStaysIsToldEvenIfItBeganSoonAfterAnother) {
  outage one;
  const outage::time start{1h};
  one.failed(full, start);
  one.succeeded(start + 1s);
  EXPECT_EQ(one.failed(full, start + 2s), word::nothing);
  EXPECT_EQ(one.failed(full, start + 29s), word::nothing);
  EXPECT_EQ(one.failed(full, start + 30s), word::began);
  EXPECT_EQ(one.length(start + 30s), 28s);
  EXPECT_EQ(one.succeeded(start + 31s), word::ended);
}

TEST(Outage, CountsEachTroubleForItself) {
  outage one;
  auto at = outage::time{1h};
  for (std::size_t i = 0; i < store_troubles; ++i, at += 1s) {
    one.failed(static_cast<store_trouble>(i), at);
    // What it turns into while it lasts is the same outage.
    one.failed(full, at);
    one.succeeded(at);
    EXPECT_FALSE(to_string(static_cast<store_trouble>(i)).empty());
  }
  for (const auto count : one.counts())
    EXPECT_EQ(count, 1U);
}

} // namespace
} // namespace troupe
