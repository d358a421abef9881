#include "persistence/postgres/failover/clock.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr timestamp own{1'000'000s};
const pg_clock::steady start{500s};

TEST(PgClock, IsTheMachinesOwnUntilTheServerWasAsked) {
  pg_clock clock;
  EXPECT_EQ(clock.at(start, own), own);
}

TEST(PgClock, IsTheServersOnceItWasAsked) {
  pg_clock clock;
  clock.note(own + 3600s, start, start + 2ms);
  EXPECT_EQ(clock.at(start + 1ms, own), own + 3600s) << "said in the middle of the time that it took";
}

TEST(PgClock, GoesOnWhateverTheMachinesClockDoes) {
  pg_clock clock;
  clock.note(own, start, start);
  EXPECT_EQ(clock.at(start + 10s, own - 7200s), own + 10s);
}

TEST(PgClock, PassesOverDifferencesThatTheAnswersOwnTimeExplains) {
  pg_clock clock;
  clock.note(own, start, start);
  clock.note(own + 10s + 4ms, start + 10s - 5ms, start + 10s + 5ms);
  EXPECT_EQ(clock.at(start + 10s, own), own + 10s);
}

TEST(PgClock, FollowsAServerWhoseClockIsSet) {
  pg_clock clock;
  clock.note(own, start, start);
  clock.note(own - 60s, start + 10s, start + 10s + 2ms);
  EXPECT_EQ(clock.at(start + 10s + 1ms, own), own - 60s);
}

} // namespace
} // namespace troupe
