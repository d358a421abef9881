#include "actors/tasks/rules/claim_gate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace troupe {

namespace {

constexpr auto max_claim = claim_gate::max_claim;
const claim_orders no_orders{};

/// One that is open, has asked for all it has room for, and waits for the answer.
claim_gate asking(int capacity, int running = 0) {
  claim_gate gate{capacity};
  gate.open(running);
  return gate;
}

} // namespace

// -- whether anything is claimed at all -------------------------------------------

TEST(ClaimGate, ClaimsNothingBeforeItIsOpen) {
  claim_gate gate{10};
  EXPECT_EQ(gate.work_came(0), 0);
  EXPECT_FALSE(gate.is_claiming());
  EXPECT_TRUE(gate.has_room(0)) << "what waits is claimed in time: nobody else has to";
  EXPECT_EQ(gate.open(0), 10);
  EXPECT_TRUE(gate.is_claiming());
}

TEST(ClaimGate, ClaimsNothingOnceItIsShut) {
  auto gate = asking(10);
  gate.claimed(0, 0);
  gate.shut();
  EXPECT_EQ(gate.work_came(0), 0);
  EXPECT_EQ(gate.room_came(0), 0);
  EXPECT_EQ(gate.open(0), 0) << "for good";
  EXPECT_FALSE(gate.has_room(0));
}

TEST(ClaimGate, OpenedAgainItLooksForWork) {
  auto gate = asking(10);
  gate.claimed(0, 0);
  EXPECT_EQ(gate.open(4), 6);
}

TEST(ClaimGate, OfANodeThatRunsNoTasksIsNeverOpen) {
  claim_gate gate;
  EXPECT_EQ(gate.open(0), 0);
  EXPECT_FALSE(gate.has_room(0));
  EXPECT_EQ(gate.capacity(), 0);
}

// -- how many -----------------------------------------------------------------------

TEST(ClaimGate, ClaimsWhatThereIsRoomFor) {
  EXPECT_EQ(claim_gate{10}.open(3), 7);
  EXPECT_EQ(claim_gate{10}.open(10), 0);
  EXPECT_EQ(claim_gate{10}.open(11), 0) << "a task came back whose end was unknown";
  EXPECT_EQ(claim_gate{10000}.open(0), max_claim);
}

TEST(ClaimGate, CountsWhatIsAboutToBeStarted) {
  auto gate = asking(10);
  EXPECT_EQ(gate.claimed(3, 0), no_orders);
  EXPECT_EQ(gate.work_came(0), 7);
  gate.refused();
  gate.started();
  EXPECT_EQ(gate.work_came(1), 7);
  gate.refused();
  gate.started();
  gate.started();
  EXPECT_EQ(gate.work_came(3), 7);
}

TEST(ClaimGate, TellsOthersOnlyWhatItHasNoRoomFor) {
  auto gate = asking(2);
  EXPECT_TRUE(gate.has_room(0));
  gate.claimed(1, 0);
  EXPECT_TRUE(gate.has_room(0));
  EXPECT_FALSE(gate.has_room(1));
}

// -- one claim ------------------------------------------------------------------------

TEST(ClaimGate, HasOneClaimAtATime) {
  auto gate = asking(10);
  EXPECT_EQ(gate.work_came(0), 0);
  EXPECT_EQ(gate.claimed(0, 0), (claim_orders{.claim = 10})) << "for what came meanwhile";
  EXPECT_EQ(gate.claimed(0, 0), no_orders) << "nothing did";
  EXPECT_FALSE(gate.is_claiming());
}

TEST(ClaimGate, GoesOnAfterAFullClaim) {
  auto gate = asking(300);
  EXPECT_EQ(gate.claimed(max_claim, 0), (claim_orders{.claim = 50, .pass_on = true}));
  for (int i = 0; i < max_claim; ++i)
    gate.started();
  EXPECT_EQ(gate.claimed(50, max_claim), no_orders) << "full, and so is the node";
}

TEST(ClaimGate, GoesOnAfterABusyClaim) {
  auto quiet = asking(10);
  EXPECT_EQ(quiet.claimed(claim_gate::busy_claim - 1, 0), no_orders);
  auto busy = asking(10);
  EXPECT_EQ(busy.claimed(claim_gate::busy_claim, 0), (claim_orders{.claim = 10 - claim_gate::busy_claim}));
}

TEST(ClaimGate, AsksOthersForHelpAfterAClaimOfTheLargestSizeAlone) {
  auto small = asking(max_claim - 1);
  EXPECT_FALSE(small.claimed(max_claim - 1, 0).pass_on);
  auto large = asking(max_claim);
  EXPECT_EQ(large.claimed(max_claim, 0), (claim_orders{.pass_on = true}));
}

TEST(ClaimGate, ClaimsAgainWhenRoomCameForWhatItMayHaveMissed) {
  auto gate = asking(2);
  gate.claimed(2, 0);
  gate.started();
  gate.started();
  EXPECT_EQ(gate.work_came(2), 0) << "there is no room";
  EXPECT_EQ(gate.room_came(2), 0);
  EXPECT_EQ(gate.room_came(1), 1);
  EXPECT_EQ(gate.claimed(0, 1), no_orders);
  EXPECT_EQ(gate.room_came(0), 0) << "all that is due was claimed";
}

TEST(ClaimGate, ARefusedClaimIsMadeAgain) {
  auto gate = asking(10);
  gate.refused();
  EXPECT_FALSE(gate.is_claiming());
  EXPECT_EQ(gate.room_came(0), 10);
}

TEST(ClaimGate, WhatWasClaimedWhileTheNodeEndsIsGivenBack) {
  auto gate = asking(10);
  gate.shut();
  EXPECT_EQ(gate.claimed(5, 0), (claim_orders{.give_back = true}));
  EXPECT_TRUE(gate.is_claiming()) << "as long as it is on its way back";
  gate.given_back();
  EXPECT_FALSE(gate.is_claiming());
}

TEST(ClaimGate, NeverRunsMoreThanItsCapacityAndNeverForgetsWork) {
  std::mt19937 engine{5};
  for (int round = 0; round < 300; ++round) {
    const int capacity = 1 + static_cast<int>(engine() % 600);
    claim_gate gate{capacity};
    int due = 0;
    int running = 0;
    int asked = gate.open(0);
    const auto answer = [&] {
      const int count = std::min(std::exchange(asked, 0), due);
      due -= count;
      const auto orders = gate.claimed(count, running);
      asked = orders.claim;
      for (int i = 0; i < count; ++i) {
        ++running;
        gate.started();
      }
      ASSERT_LE(running + asked, capacity);
    };
    const auto claim = [&](int limit) {
      ASSERT_TRUE(limit == 0 || asked == 0) << "one at a time";
      asked += limit;
      ASSERT_EQ(gate.is_claiming(), asked > 0);
    };
    for (int step = 0; step < 200; ++step)
      switch (engine() % 4) {
      case 0:
        due += static_cast<int>(engine() % 400);
        claim(gate.work_came(running));
        break;
      case 1:
        if (asked > 0)
          answer();
        break;
      case 2:
        if (running > 0)
          claim(gate.room_came(--running));
        break;
      case 3:
        if (asked > 0 && engine() % 4 == 0) {
          asked = 0;
          gate.refused();
        }
        break;
      }
    // Left alone, all that is due is run; a refusal is looked at again after a while.
    claim(gate.work_came(running));
    for (int left = 100000; left > 0 && due > 0; --left) {
      if (asked > 0)
        answer();
      else if (running > 0)
        claim(gate.room_came(--running));
      else
        break;
    }
    ASSERT_EQ(due, 0) << "capacity " << capacity;
  }
}

} // namespace troupe
