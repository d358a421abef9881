#include "persistence/postgres/tables/ready_floor.hpp"

#include <gtest/gtest.h>

namespace troupe {

namespace {

using namespace std::chrono_literals;

constexpr pg_ready_floor::time start{100s};

} // namespace

TEST(ReadyFloor, BeginsAtTheBottom) {
  pg_ready_floor floor;
  EXPECT_EQ(floor.begin(start), 0);
}

TEST(ReadyFloor, RisesToWhatWasClaimedAnIntervalAgoAndNoFurther) {
  pg_ready_floor floor;
  floor.begin(start);
  floor.note(7);
  EXPECT_EQ(floor.begin(start + 11s), 0);
  // Seen from here on: in an interval nothing can come below it any more.
  EXPECT_EQ(floor.begin(start + 12s), 0);
  floor.note(9);
  EXPECT_EQ(floor.begin(start + 23s), 0);
  EXPECT_EQ(floor.begin(start + 24s), 7);
  EXPECT_EQ(floor.begin(start + 36s), 9);
}

TEST(ReadyFloor, ATaskWithoutANumberLeavesItWhereItIs) {
  pg_ready_floor floor;
  floor.begin(start);
  floor.note(7);
  floor.begin(start + 12s);
  floor.note(0);
  EXPECT_EQ(floor.begin(start + 24s), 7);
  EXPECT_EQ(floor.begin(start + 36s), 7);
}

TEST(ReadyFloor, NowAndThenAClaimBeginsAtTheBottomAllTheSame) {
  pg_ready_floor floor;
  floor.begin(start);
  floor.note(7);
  floor.begin(start + 12s);
  EXPECT_EQ(floor.begin(start + 24s), 7);
  EXPECT_EQ(floor.begin(start + 60s), 0);
  EXPECT_EQ(floor.begin(start + 61s), 7);
}

} // namespace troupe
