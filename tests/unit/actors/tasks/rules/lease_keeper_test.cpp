#include "actors/tasks/rules/lease_keeper.hpp"

#include <gtest/gtest.h>

#include <random>

namespace troupe {

namespace {

const lease_orders none{};

class LeaseKeeper : public testing::Test {
protected:
  void take() {
    keeper_.started();
    keeper_.taken();
  }
  void recover() {
    take();
    keeper_.recovered(false);
  }

  const uuid one_ = make_uuid();
  const uuid two_ = make_uuid();
  lease_keeper keeper_;
};

} // namespace

// -- the lease ------------------------------------------------------------------

TEST_F(LeaseKeeper, TakesTheLeaseFirst) {
  EXPECT_EQ(keeper_.started(), (lease_orders{.take = true}));
  EXPECT_FALSE(keeper_.is_held());
  EXPECT_FALSE(keeper_.is_ready());
}

TEST_F(LeaseKeeper, RecoversUnderTheLeaseAndKeepsIt) {
  keeper_.started();
  EXPECT_EQ(keeper_.taken(), (lease_orders{.renew_later = true, .recover = lease_suspects{}}));
  EXPECT_TRUE(keeper_.is_held());
  EXPECT_FALSE(keeper_.is_ready());
}

TEST_F(LeaseKeeper, AsksForTheLeaseAgainUntilTheNodeEnds) {
  keeper_.started();
  EXPECT_EQ(keeper_.not_taken(), (lease_orders{.look_again = true}));
  EXPECT_EQ(keeper_.looked_again(false), (lease_orders{.take = true}));
  EXPECT_EQ(keeper_.looked_again(true), none);
  EXPECT_FALSE(keeper_.is_held());
}

TEST_F(LeaseKeeper, RenewsOnceAtATimeHoweverOftenItIsDue) {
  take();
  EXPECT_EQ(keeper_.renewal_due(), (lease_orders{.renew_later = true, .renew = true}));
  EXPECT_EQ(keeper_.renewal_due(), (lease_orders{.renew_later = true}));
  EXPECT_EQ(keeper_.renewed(false), none);
  EXPECT_EQ(keeper_.renewal_due(), (lease_orders{.renew_later = true, .renew = true}));
  EXPECT_EQ(keeper_.not_renewed(false), none);
  EXPECT_TRUE(keeper_.is_held());
  EXPECT_EQ(keeper_.renewal_due(), (lease_orders{.renew_later = true, .renew = true}));
}

TEST_F(LeaseKeeper, RenewsNothingThatItDoesNotHold) {
  EXPECT_EQ(keeper_.renewal_due(), none);
  take();
  EXPECT_TRUE(keeper_.give_up());
  EXPECT_EQ(keeper_.renewal_due(), none);
}

TEST_F(LeaseKeeper, StepsDownWhenOthersHaveTakenOver) {
  recover();
  keeper_.renewal_due();
  EXPECT_EQ(keeper_.not_renewed(true), (lease_orders{.step_down = true}));
  EXPECT_FALSE(keeper_.is_held());
  EXPECT_FALSE(keeper_.give_up());
}

TEST_F(LeaseKeeper, IsGivenUpOnce) {
  EXPECT_FALSE(keeper_.give_up());
  take();
  EXPECT_TRUE(keeper_.give_up());
  EXPECT_FALSE(keeper_.give_up());
}

// -- recovery ---------------------------------------------------------------------

TEST_F(LeaseKeeper, LetsClaimBesideTheRecoveryOfMany) {
  take();
  EXPECT_FALSE(keeper_.is_ready());
  EXPECT_EQ(keeper_.recovered(true), (lease_orders{.recover = lease_suspects{}, .claim = true}));
  EXPECT_TRUE(keeper_.is_ready());
  EXPECT_EQ(keeper_.recovered(false), (lease_orders{.claim = true}));
}

TEST_F(LeaseKeeper, TheRestOfAFirstRecoveryThatFailsIsAskedForAgain) {
  take();
  keeper_.recovered(true);
  EXPECT_EQ(keeper_.not_recovered(), (lease_orders{.look_again = true}));
  EXPECT_EQ(keeper_.looked_again(false), (lease_orders{.recover = lease_suspects{}}));
  EXPECT_EQ(keeper_.recovered(false), (lease_orders{.claim = true}));
  EXPECT_EQ(keeper_.looked_again(false), none) << "nothing is left";
}

TEST_F(LeaseKeeper, AFirstRecoveryThatFailsIsAskedForAgain) {
  take();
  EXPECT_EQ(keeper_.not_recovered(), (lease_orders{.look_again = true}));
  EXPECT_EQ(keeper_.looked_again(false), (lease_orders{.recover = lease_suspects{}}));
  EXPECT_EQ(keeper_.looked_again(false), none) << "it is under way";
}

TEST_F(LeaseKeeper, ALaterRecoveryThatFailsWaitsForTheNextReason) {
  recover();
  EXPECT_EQ(keeper_.renewed(true), (lease_orders{.recover = lease_suspects{}}));
  EXPECT_EQ(keeper_.not_recovered(), none);
  EXPECT_EQ(keeper_.looked_again(false), none);
  EXPECT_EQ(keeper_.renewed(true), (lease_orders{.recover = lease_suspects{}}));
}

TEST_F(LeaseKeeper, RecoversNothingWhileTheLeasesOfOthersHold) {
  recover();
  keeper_.renewal_due();
  EXPECT_EQ(keeper_.renewed(false), none);
  keeper_.renewal_due();
  EXPECT_EQ(keeper_.renewed(true), (lease_orders{.recover = lease_suspects{}}));
}

TEST_F(LeaseKeeper, WhatIsFoundDuringARecoveryIsRecoveredAfterIt) {
  recover();
  keeper_.renewed(true);
  EXPECT_EQ(keeper_.renewed(true), none) << "one question at a time";
  EXPECT_EQ(keeper_.recovered(false), (lease_orders{.recover = lease_suspects{}, .claim = true}));
  EXPECT_EQ(keeper_.recovered(false), (lease_orders{.claim = true}));
}

TEST_F(LeaseKeeper, MoreThatIsLeftStandsForWhatWasFoundMeanwhile) {
  recover();
  keeper_.renewed(true);
  keeper_.renewed(true);
  EXPECT_EQ(keeper_.recovered(true), (lease_orders{.recover = lease_suspects{}, .claim = true}));
  EXPECT_EQ(keeper_.recovered(false), (lease_orders{.claim = true}));
}

TEST_F(LeaseKeeper, ASuspectIsAskedForAtOnceAndWatched) {
  recover();
  EXPECT_EQ(keeper_.suspected(one_), (lease_orders{.recover = lease_suspects{one_}, .watch = one_}));
  EXPECT_EQ(keeper_.suspected(one_), none) << "it is known";
  EXPECT_EQ(keeper_.suspected(two_), (lease_orders{.watch = two_})) << "the first is being asked for";
  EXPECT_EQ(keeper_.recovered(false), (lease_orders{.recover = lease_suspects{one_, two_}, .claim = true}));
}

TEST_F(LeaseKeeper, ASuspectIsForgottenAfterItsLastTime) {
  recover();
  keeper_.suspected(one_);
  keeper_.recovered(false);
  EXPECT_EQ(keeper_.recovery_due(one_, false), (lease_orders{.recover = lease_suspects{one_}}));
  keeper_.recovered(false);
  EXPECT_EQ(keeper_.recovery_due(one_, true), (lease_orders{.recover = lease_suspects{one_}})) << "with the last, too";
  keeper_.recovered(false);
  EXPECT_EQ(keeper_.renewed(true), (lease_orders{.recover = lease_suspects{}}));
  keeper_.recovered(false);
  EXPECT_EQ(keeper_.suspected(one_), (lease_orders{.recover = lease_suspects{one_}, .watch = one_})) << "anew";
}

TEST_F(LeaseKeeper, NobodyIsSuspectedBeforeThisNodeIsReady) {
  take();
  EXPECT_EQ(keeper_.suspected(one_), none);
}

TEST_F(LeaseKeeper, AsksOneQuestionAtATimeWhateverComesInWhichOrder) {
  std::mt19937 engine{4};
  for (int round = 0; round < 300; ++round) {
    lease_keeper keeper;
    int questions = 0;
    int renewals = 0;
    bool is_wanted = false;
    keeper.started();
    const auto note = [&](const lease_orders& orders) {
      questions += orders.recover ? 1 : 0;
      renewals += orders.renew ? 1 : 0;
      ASSERT_LE(questions, 1);
      ASSERT_LE(renewals, 1);
      ASSERT_TRUE(!orders.claim || keeper.is_ready());
    };
    note(keeper.taken());
    for (int step = 0; step < 200; ++step)
      switch (engine() % 6) {
      case 0: note(keeper.renewal_due()); break;
      case 1:
        if (renewals > 0 && questions > 0)
          is_wanted = true;
        if (std::exchange(renewals, 0) > 0)
          note(keeper.renewed(true));
        break;
      case 2:
        if (std::exchange(renewals, 0) > 0)
          note(keeper.not_renewed(false));
        break;
      case 3:
        if (std::exchange(questions, 0) > 0) {
          note(keeper.recovered(false));
          ASSERT_TRUE(!is_wanted || questions == 1) << "what was found meanwhile is asked for";
          is_wanted = false;
        }
        break;
      case 4:
        if (std::exchange(questions, 0) > 0)
          note(keeper.not_recovered());
        is_wanted = false;
        break;
      case 5: note(keeper.looked_again(engine() % 2 == 0)); break;
      }
    ASSERT_TRUE(keeper.is_held());
  }
}

} // namespace troupe
