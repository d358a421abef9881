#include "actors/tasks/rules/drain_watch.hpp"

#include <gtest/gtest.h>

#include <random>

namespace troupe {

namespace {

class DrainWatch : public testing::Test {
protected:
  drain_watch drain_;
};

} // namespace

TEST_F(DrainWatch, NothingHappensBeforeSomebodyAsks) {
  EXPECT_FALSE(drain_.has_begun());
  EXPECT_EQ(drain_.looked(true), drain_step::nothing);
  EXPECT_EQ(drain_.expired(), drain_step::nothing);
  EXPECT_FALSE(drain_.has_begun());
}

TEST_F(DrainWatch, LeavesAtOnceWhereNothingRuns) {
  EXPECT_EQ(drain_.asked(true), drain_step::leave);
  EXPECT_EQ(drain_.left(), drain_step::answer);
  EXPECT_TRUE(drain_.has_begun()) << "nothing new is started any more";
}

TEST_F(DrainWatch, LeavesWhenTheLastHasEnded) {
  EXPECT_EQ(drain_.asked(false), drain_step::nothing);
  EXPECT_EQ(drain_.looked(false), drain_step::nothing);
  EXPECT_EQ(drain_.looked(true), drain_step::leave);
  EXPECT_EQ(drain_.looked(true), drain_step::nothing) << "once";
}

TEST_F(DrainWatch, HandsBackWhatStillRunsWhenTheTimeIsOver) {
  drain_.asked(false);
  EXPECT_EQ(drain_.expired(), drain_step::hand_back);
  EXPECT_EQ(drain_.looked(true), drain_step::nothing) << "the lease goes last";
  EXPECT_EQ(drain_.handed_back(), drain_step::leave);
  EXPECT_EQ(drain_.left(), drain_step::answer);
}

TEST_F(DrainWatch, TheTimeMattersNoMoreOnceItIsLeaving) {
  drain_.asked(true);
  EXPECT_EQ(drain_.expired(), drain_step::nothing);
  drain_.left();
  EXPECT_EQ(drain_.expired(), drain_step::nothing);
}

TEST_F(DrainWatch, SaysSoWhenItCouldNotHandBack) {
  drain_.asked(false);
  drain_.expired();
  EXPECT_EQ(drain_.not_handed_back(), drain_step::answer);
  EXPECT_EQ(drain_.expired(), drain_step::nothing);
}

TEST_F(DrainWatch, WhoAsksMeanwhileIsAnsweredWithTheOthers) {
  drain_.asked(false);
  EXPECT_EQ(drain_.asked(false), drain_step::nothing);
  drain_.expired();
  EXPECT_EQ(drain_.expired(), drain_step::nothing) << "of the second, whose time is over too";
  EXPECT_EQ(drain_.asked(true), drain_step::nothing) << "what was stopped is not stored yet";
  drain_.handed_back();
  EXPECT_EQ(drain_.asked(true), drain_step::nothing);
  EXPECT_EQ(drain_.left(), drain_step::answer);
}

TEST_F(DrainWatch, WhoAsksAfterItIsOverIsAnsweredToo) {
  drain_.asked(true);
  drain_.left();
  EXPECT_EQ(drain_.asked(true), drain_step::leave);
  EXPECT_EQ(drain_.left(), drain_step::answer);
  // A task came back whose end was unknown.
  EXPECT_EQ(drain_.asked(false), drain_step::nothing);
  EXPECT_EQ(drain_.expired(), drain_step::hand_back);
}

TEST_F(DrainWatch, AnswersEverybodyWhateverComesInWhichOrder) {
  std::mt19937 engine{6};
  for (int round = 0; round < 1000; ++round) {
    drain_watch drain;
    int running = static_cast<int>(engine() % 5);
    int times = 0;
    bool waits = false;
    bool hands_back = false;
    bool leaves = false;
    const auto carry_out = [&](drain_step step) {
      switch (step) {
      case drain_step::nothing: break;
      case drain_step::hand_back:
        ASSERT_FALSE(hands_back || leaves);
        hands_back = true;
        running = 0;
        break;
      case drain_step::leave:
        ASSERT_FALSE(hands_back || leaves);
        ASSERT_EQ(running, 0) << "the lease is still needed";
        leaves = true;
        break;
      case drain_step::answer: waits = false; break;
      }
    };
    const auto ask = [&] {
      waits = true;
      ++times;
      carry_out(drain.asked(running == 0));
    };
    const auto answer_store = [&] {
      if (std::exchange(hands_back, false))
        carry_out(engine() % 4 == 0 ? drain.not_handed_back() : drain.handed_back());
      else if (std::exchange(leaves, false))
        carry_out(drain.left());
    };
    ask();
    for (int step = 0; step < 30; ++step)
      switch (engine() % 4) {
      case 0:
        if (times < 3)
          ask();
        break;
      case 1:
        if (running > 0) {
          --running;
          carry_out(drain.looked(running == 0));
        }
        break;
      case 2:
        if (times > 0) {
          --times;
          carry_out(drain.expired());
        }
        break;
      case 3: answer_store(); break;
      }
    for (; times > 0; --times)
      carry_out(drain.expired());
    answer_store();
    answer_store();
    ASSERT_FALSE(waits);
  }
}

} // namespace troupe
