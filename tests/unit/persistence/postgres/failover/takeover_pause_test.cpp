#include "persistence/postgres/failover/takeover_pause.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

const takeover_pause::time start{1000s};

TEST(TakeoverPause, ThereIsNoneForANodeThatRenewsInTime) {
  takeover_pause pause;
  pause.renewed(start, 9s);
  pause.renewed(start + 3s, 9s);
  pause.renewed(start + 6s, 9s);
  EXPECT_FALSE(pause.lasts(start + 6s));
}

TEST(TakeoverPause, LastsForOneLeaseOnceTheDatabaseIsBack) {
  takeover_pause pause;
  pause.renewed(start, 9s);
  pause.came_back(start + 4s);
  EXPECT_TRUE(pause.lasts(start + 4s));
  for (const auto later : {5s, 8s, 11s})
    pause.renewed(start + later, 9s);
  EXPECT_TRUE(pause.lasts(start + 13s - 1ms));
  EXPECT_FALSE(pause.lasts(start + 13s));
}

TEST(TakeoverPause, BeginsWhereARenewalWasHeldUp) {
  takeover_pause pause;
  pause.renewed(start, 9s);
  pause.renewed(start + 8s, 9s);
  EXPECT_TRUE(pause.lasts(start + 8s));
  pause.renewed(start + 11s, 9s);
  pause.renewed(start + 14s, 9s);
  EXPECT_TRUE(pause.lasts(start + 17s - 1ms));
  EXPECT_FALSE(pause.lasts(start + 17s));
}

TEST(TakeoverPause, LastsWhileANodesOwnLeaseWaitsToBeRenewed) {
  takeover_pause pause;
  pause.renewed(start, 9s);
  EXPECT_FALSE(pause.lasts(start + 6s));
  EXPECT_TRUE(pause.lasts(start + 7s));
  EXPECT_TRUE(pause.lasts(start + 700s));
}

TEST(TakeoverPause, ANodeThatHasJustStartedIsNotHeldUp) {
  takeover_pause pause;
  pause.renewed(start, 9s);
  EXPECT_FALSE(pause.lasts(start));
}

} // namespace
} // namespace troupe
