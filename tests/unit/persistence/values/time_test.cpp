#include "persistence/values/time.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono;

timestamp at(year_month_day date, microseconds since_midnight = {}) {
  return timestamp{sys_days{date}} + since_midnight;
}

TEST(Rfc3339, IsWrittenInUtcWithMicroseconds) {
  EXPECT_EQ(to_rfc3339(at(2026y / January / 2, hours{3} + minutes{4} + seconds{5} + microseconds{6})),
            "2026-01-02T03:04:05.000006Z");
  EXPECT_EQ(to_rfc3339(timestamp{}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(to_rfc3339(timestamp{} - microseconds{1}), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(to_rfc3339(at(2024y / February / 29)), "2024-02-29T00:00:00.000000Z");
}

TEST(Rfc3339, StaysInItsFormAtTheEndsOfTime) {
  EXPECT_EQ(to_rfc3339(timestamp::max()), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(to_rfc3339(timestamp::min()), "0000-01-01T00:00:00.000000Z");
}

TEST(Rfc3339, ReadsWhatItWrites) {
  const auto moment = now();
  EXPECT_EQ(parse_rfc3339(to_rfc3339(moment)), moment);
}

TEST(Rfc3339, ReadsEveryOffset) {
  const auto noon = at(2026y / March / 1, hours{12});
  for (const char* text : {"2026-03-01T12:00:00Z", "2026-03-01t12:00:00z", "2026-03-01T12:00:00+00:00",
                           "2026-03-01T12:00:00-00:00", "2026-03-01T14:30:00+02:30", "2026-02-28T23:00:00-13:00"})
    EXPECT_EQ(parse_rfc3339(text), noon) << text;
}

TEST(Rfc3339, ReadsUpToNineFractionalDigitsAndKeepsSix) {
  const auto second = at(2026y / March / 1);
  EXPECT_EQ(parse_rfc3339("2026-03-01T00:00:00.5Z"), second + milliseconds{500});
  EXPECT_EQ(parse_rfc3339("2026-03-01T00:00:00.000001Z"), second + microseconds{1});
  EXPECT_EQ(parse_rfc3339("2026-03-01T00:00:00.123456789Z"), second + microseconds{123456});
}

TEST(Rfc3339, ReadsALeapSecondAtTheEndOfADay) {
  EXPECT_EQ(parse_rfc3339("1990-12-31T23:59:60Z"), at(1991y / January / 1));
  EXPECT_EQ(parse_rfc3339("1990-12-31T15:59:60-08:00"), at(1991y / January / 1));
  EXPECT_FALSE(parse_rfc3339("1990-12-31T22:59:60Z"));
  EXPECT_FALSE(parse_rfc3339("1990-12-31T00:00:60Z"));
}

TEST(Rfc3339, RefusesEverythingElse) {
  for (const char* text : {"",
                           "2026-03-01",
                           "2026-03-01T12:00:00",
                           "2026-03-01 12:00:00Z",
                           "2026-3-1T12:00:00Z",
                           "2026-02-29T12:00:00Z",
                           "2026-13-01T12:00:00Z",
                           "2026-00-01T12:00:00Z",
                           "2026-04-31T12:00:00Z",
                           "2026-03-01T24:00:00Z",
                           "2026-03-01T12:60:00Z",
                           "2026-03-01T12:00:61Z",
                           "2026-03-01T12:00:00.Z",
                           "2026-03-01T12:00:00.1234567890Z",
                           "2026-03-01T12:00:00+24:00",
                           "2026-03-01T12:00:00+02:60",
                           "2026-03-01T12:00:00+0200",
                           "2026-03-01T12:00:00Z ",
                           "-026-03-01T12:00:00Z",
                           "2026-03-01T12:00Z",
                           "0000-01-01T00:00:00+00:01",
                           "9999-12-31T23:59:59-00:01"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

} // namespace
} // namespace troupe
