#include "actors/broadcast/commit_order.hpp"

#include <gmock/gmock.h>

#include <string>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class CommitOrder : public testing::Test {
protected:
  using order = commit_order<std::string>;

  std::vector<std::string> add(std::int64_t from, std::int64_t to, std::string name) {
    return order_.add(from, to, std::move(name), now_);
  }

  order::time now_{};
  order order_{100ms};
};

} // namespace

TEST_F(CommitOrder, PassesOnWhatComesInOrderAtOnce) {
  EXPECT_THAT(order_.start(10), IsEmpty());
  EXPECT_THAT(add(10, 12, "a"), ElementsAre("a"));
  EXPECT_THAT(add(12, 13, "b"), ElementsAre("b"));
  EXPECT_FALSE(order_.deadline());
}

TEST_F(CommitOrder, HoldsBackWhatIsTooEarlyUntilTheRestIsThere) {
  order_.start(0);
  EXPECT_THAT(add(5, 7, "c"), IsEmpty());
  EXPECT_THAT(add(2, 5, "b"), IsEmpty());
  EXPECT_THAT(add(0, 2, "a"), ElementsAre("a", "b", "c"));
  EXPECT_FALSE(order_.deadline());
}

TEST_F(CommitOrder, BeforeItsStartItCollectsAndThenDropsWhatIsOlder) {
  EXPECT_THAT(add(8, 10, "old"), IsEmpty());
  EXPECT_THAT(add(12, 15, "b"), IsEmpty());
  EXPECT_THAT(add(10, 12, "a"), IsEmpty());
  EXPECT_FALSE(order_.deadline());
  EXPECT_THAT(order_.start(10), ElementsAre("a", "b"));
}

TEST_F(CommitOrder, GivesUpWhatIsMissingWhenItIsOverdue) {
  order_.start(0);
  add(2, 3, "b");
  ASSERT_TRUE(order_.deadline());
  EXPECT_EQ(*order_.deadline(), now_ + 100ms);
  now_ += 99ms;
  EXPECT_FALSE(order_.skip(now_).missed);
  now_ += 1ms;
  const auto skipped = order_.skip(now_);
  EXPECT_TRUE(skipped.missed);
  EXPECT_THAT(skipped.next, ElementsAre("b"));
  EXPECT_THAT(add(3, 4, "c"), ElementsAre("c"));
}

TEST_F(CommitOrder, GivesUpAllThatIsMissingTogether) {
  order_.start(0);
  add(2, 3, "b");
  now_ += 90ms;
  add(5, 6, "d");
  now_ += 10ms;
  const auto skipped = order_.skip(now_);
  EXPECT_TRUE(skipped.missed);
  EXPECT_THAT(skipped.next, ElementsAre("b", "d"));
  EXPECT_FALSE(order_.deadline());
}

TEST_F(CommitOrder, DropsWhatComesAfterItWasGivenUp) {
  order_.start(0);
  add(2, 3, "b");
  now_ += 100ms;
  order_.skip(now_);
  EXPECT_THAT(add(0, 2, "late"), IsEmpty());
  EXPECT_FALSE(order_.deadline());
  EXPECT_THAT(add(3, 5, "c"), ElementsAre("c"));
}

TEST_F(CommitOrder, TheDeadlineIsThatOfTheFirstWordOfSomethingLater) {
  order_.start(0);
  add(5, 6, "c");
  const auto heard = now_;
  now_ += 50ms;
  add(2, 5, "b");
  EXPECT_EQ(*order_.deadline(), heard + 100ms);
}

TEST_F(CommitOrder, ACommitThatIsOnlyKnownToExistIsMissedIfItDoesNotCome) {
  order_.start(10);
  EXPECT_THAT(order_.expect(10, now_), IsEmpty());
  EXPECT_FALSE(order_.deadline());
  order_.expect(14, now_);
  ASSERT_TRUE(order_.deadline());
  EXPECT_THAT(add(10, 12, "a"), ElementsAre("a"));
  EXPECT_TRUE(order_.deadline());
  EXPECT_THAT(add(12, 14, "b"), ElementsAre("b"));
  EXPECT_FALSE(order_.deadline());
  order_.expect(20, now_);
  now_ += 100ms;
  const auto skipped = order_.skip(now_);
  EXPECT_TRUE(skipped.missed);
  EXPECT_THAT(skipped.next, IsEmpty());
  EXPECT_THAT(add(20, 21, "c"), ElementsAre("c"));
}

TEST_F(CommitOrder, TheSameCommitTwiceIsPassedOnOnce) {
  order_.start(0);
  add(2, 3, "b");
  add(2, 3, "b");
  EXPECT_THAT(add(0, 2, "a"), ElementsAre("a", "b"));
}

TEST_F(CommitOrder, KeepsABoundedNumberOfCommitsUntilItIsStarted) {
  constexpr auto most = static_cast<std::int64_t>(decltype(order_)::most_before_start);
  for (std::int64_t at = 0; at < most + 2; ++at)
    add(at, at + 1, "x");
  EXPECT_THAT(order_.start(0), IsEmpty()) << "the beginning was dropped";
  ASSERT_TRUE(order_.deadline());
  now_ += 100ms;
  const auto skipped = order_.skip(now_);
  EXPECT_TRUE(skipped.missed);
  EXPECT_EQ(skipped.next.size(), 2U);
}

TEST_F(CommitOrder, StoppedItForgetsEverything) {
  order_.start(0);
  add(2, 3, "b");
  order_.stop();
  EXPECT_FALSE(order_.started());
  EXPECT_FALSE(order_.deadline());
  EXPECT_THAT(order_.start(2), IsEmpty());
}

} // namespace troupe
