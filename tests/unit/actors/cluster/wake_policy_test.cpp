#include "actors/cluster/wake_policy.hpp"

#include <gmock/gmock.h>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class WakePolicy : public testing::Test {
protected:
  const uuid one_ = make_uuid();
  const uuid two_ = make_uuid();
  wake_policy::time now_{1h};
  wake_policy policy_;
};

} // namespace

TEST_F(WakePolicy, TellsTheNodeWithTheMostCapacityLeft) {
  policy_.update(one_, 3);
  policy_.update(two_, 8);
  EXPECT_THAT(policy_.work_left(false, now_), ElementsAre(two_));
}

TEST_F(WakePolicy, TellsNobodyWhoIsFull) {
  policy_.update(one_, 0);
  policy_.update(two_, -1);
  EXPECT_THAT(policy_.work_left(false, now_), IsEmpty());
  EXPECT_THAT(policy_.work_left(true, now_), IsEmpty());
  EXPECT_FALSE(policy_.next());
}

TEST_F(WakePolicy, TellsTheNextOneWhileTheFirstWasToldJustNow) {
  policy_.update(one_, 3);
  policy_.update(two_, 8);
  policy_.work_left(false, now_);
  now_ += 1ms;
  EXPECT_THAT(policy_.work_left(false, now_), ElementsAre(one_));
}

TEST_F(WakePolicy, TellsANodeAtMostOncePerInterval) {
  policy_.update(one_, 10);
  EXPECT_THAT(policy_.work_left(false, now_), ElementsAre(one_));
  const auto first = now_;
  now_ += 1ms;
  // More work while it claims: it is told again, once, when the interval is over.
  EXPECT_THAT(policy_.work_left(false, now_), IsEmpty());
  EXPECT_THAT(policy_.work_left(false, now_), IsEmpty());
  ASSERT_TRUE(policy_.next());
  EXPECT_EQ(*policy_.next(), first + wake_policy::interval);
  EXPECT_THAT(policy_.due(now_), IsEmpty());
  EXPECT_THAT(policy_.due(first + wake_policy::interval), ElementsAre(one_));
  EXPECT_FALSE(policy_.next());
}

TEST_F(WakePolicy, MuchWorkIsToldToAll) {
  policy_.update(one_, 1);
  policy_.update(two_, 2);
  EXPECT_THAT(policy_.work_left(true, now_), UnorderedElementsAre(one_, two_));
  EXPECT_THAT(policy_.work_left(true, now_ + 1ms), IsEmpty());
  EXPECT_THAT(policy_.due(now_ + wake_policy::interval), UnorderedElementsAre(one_, two_));
}

TEST_F(WakePolicy, CountsWhatItHasSentUntilTheNodeSaysMore) {
  policy_.update(one_, 1);
  EXPECT_THAT(policy_.work_left(false, now_), ElementsAre(one_));
  now_ += 1s;
  EXPECT_THAT(policy_.work_left(false, now_), IsEmpty());
  policy_.update(one_, 1);
  EXPECT_THAT(policy_.work_left(false, now_), ElementsAre(one_));
}

TEST_F(WakePolicy, ForgetsANodeThatIsGone) {
  policy_.update(one_, 1);
  policy_.work_left(false, now_);
  policy_.update(one_, 1);
  policy_.work_left(false, now_);
  policy_.remove(one_);
  EXPECT_FALSE(policy_.next());
  EXPECT_THAT(policy_.due(now_ + 1s), IsEmpty());
}

} // namespace troupe
