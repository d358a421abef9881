#include "gateway/live/feed.hpp"

#include <gmock/gmock.h>

#include <deque>
#include <random>

namespace troupe {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

live_event event_at(std::int64_t position) {
  live_event made;
  made.source = std::make_shared<const event_source>(event_source{{}, {}, "lab", "ada"});
  made.seq = made.position = position;
  made.text = std::make_shared<const std::string>("{}");
  return made;
}

std::vector<live_event> events_at(const std::vector<std::int64_t>& positions) {
  std::vector<live_event> made;
  for (const auto position : positions)
    made.push_back(event_at(position));
  return made;
}

/// A subscriber and its feed, whose pages the test brings.
class Feed : public testing::Test {
protected:
  feed::hooks make_hooks() {
    feed::hooks hooks;
    hooks.deliver = [this](const live_event& event) {
      delivered.push_back(event.position);
      if (event.position == end_at)
        subject.end();
    };
    hooks.read = [this](std::int64_t position, page_size most) {
      reads.push_back(position);
      sizes.push_back(most.items);
    };
    hooks.opened = [this](const room&) { ++opened; };
    hooks.missed = [this](std::int64_t from, std::int64_t to) { gaps.emplace_back(from, to); };
    hooks.failed = [this](const store_error& reason) { failures.push_back(reason.code); };
    hooks.congested = [this] { return congested; };
    return hooks;
  }

  void page(const std::vector<std::int64_t>& positions, std::int64_t position, bool at_end) {
    subject.on_page({{}, position, at_end}, events_at(positions));
  }

  void live(const std::vector<std::int64_t>& positions) {
    for (const auto& event : events_at(positions))
      subject.on_live(event);
  }

  const room lab{room::kind::ns, {}, "lab"};
  std::vector<std::int64_t> delivered;
  std::vector<std::int64_t> reads;
  std::vector<int> sizes;
  std::vector<std::pair<std::int64_t, std::int64_t>> gaps;
  std::vector<errc> failures;
  int opened = 0;
  bool congested = false;
  std::int64_t end_at = -1;
  feed subject{lab, {}, make_hooks()};
};

} // namespace

// -- stored, then live --------------------------------------------------------

TEST_F(Feed, DeliversWhatIsStoredThenWhatIsLive) {
  subject.begin(lab, 10);
  EXPECT_EQ(opened, 1);
  EXPECT_THAT(reads, ElementsAre(10));
  page({11, 14}, 20, false);
  EXPECT_THAT(reads, ElementsAre(10, 20));
  page({21}, 25, true);
  live({26, 28});
  EXPECT_THAT(delivered, ElementsAre(11, 14, 21, 26, 28));
  EXPECT_THAT(reads, ElementsAre(10, 20));
}

TEST_F(Feed, AsksForLittleFirstAndForMuchIfThatWasNotTheEnd) {
  const auto little = feed::short_page.items;
  const auto much = feed::long_page.items;
  subject.begin(lab, 10);
  page({11}, 20, false);
  page({21}, 30, false);
  EXPECT_THAT(sizes, ElementsAre(little, much, much));
  page({}, 40, true);
  // What may have passed unheard while it was live is little again.
  subject.resync();
  EXPECT_THAT(sizes, ElementsAre(little, much, much, little));
}

TEST_F(Feed, HoldsLiveEventsBackUntilTheLastPageAndRepeatsNone) {
  subject.begin(lab, 0);
  live({3, 4});
  EXPECT_THAT(delivered, IsEmpty());
  page({1, 3}, 3, true);
  EXPECT_THAT(delivered, ElementsAre(1, 3, 4));
  live({4, 5});
  EXPECT_THAT(delivered, ElementsAre(1, 3, 4, 5));
}

TEST_F(Feed, KeepsHeldEventsThatALaterPageDoesNotBring) {
  subject.begin(lab, 0);
  live({5, 6});
  page({1, 2}, 2, false);
  live({7});
  page({5}, 5, true);
  EXPECT_THAT(delivered, ElementsAre(1, 2, 5, 6, 7));
}

TEST_F(Feed, TakesNothingBeforeItHasBegun) {
  live({1});
  page({1}, 1, true);
  EXPECT_THAT(delivered, IsEmpty());
}

TEST_F(Feed, AnEmptyPageThatIsNotTheLastIsReadOn) {
  subject.begin(lab, 0);
  page({}, 500, false);
  page({}, 1000, false);
  page({1001}, 1001, true);
  EXPECT_THAT(reads, ElementsAre(0, 500, 1000));
  EXPECT_THAT(delivered, ElementsAre(1001));
}

TEST_F(Feed, ReadsFromTheStoreWhatItCouldNotHold) {
  subject.begin(lab, 0);
  std::vector<std::int64_t> stored;
  for (std::int64_t i = 1; i <= 2500; ++i) {
    live({i});
    stored.push_back(i);
  }
  // This page was read before the first of them was stored.
  page({}, 0, true);
  EXPECT_THAT(delivered, IsEmpty());
  EXPECT_THAT(reads, ElementsAre(0, 0));
  page(stored, 2500, true);
  EXPECT_EQ(delivered, stored);
  live({2501});
  EXPECT_EQ(delivered.back(), 2501);
  EXPECT_EQ(delivered.size(), 2501U);
}

// -- breaks -------------------------------------------------------------------

TEST_F(Feed, ReadsAgainFromWhereItStandsAfterABreak) {
  subject.begin(lab, 0);
  page({1}, 1, true);
  live({2});
  subject.resync();
  EXPECT_THAT(reads, ElementsAre(0, 2));
  live({5});
  page({3, 4}, 4, true);
  EXPECT_THAT(delivered, ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(Feed, ABreakDuringAReplayHasAnotherPageRead) {
  subject.begin(lab, 0);
  // Read before the break: what was committed in it is not in this page, nor will it come live.
  subject.resync();
  page({1}, 1, true);
  EXPECT_THAT(reads, ElementsAre(0, 1));
  live({4});
  page({2, 3}, 3, true);
  EXPECT_THAT(delivered, ElementsAre(1, 2, 3, 4));
}

TEST_F(Feed, ThatIsInterruptedDeliversNothingBehindAGapUntilItIsOver) {
  subject.begin(lab, 0);
  page({1}, 1, true);
  subject.interrupt();
  // Of a broadcaster that has begun with the fourth: 2 and 3 were never told.
  live({4});
  EXPECT_THAT(delivered, ElementsAre(1));
  EXPECT_THAT(reads, ElementsAre(0));
  subject.resync();
  EXPECT_THAT(reads, ElementsAre(0, 1));
  page({2, 3, 4}, 4, true);
  live({5});
  EXPECT_THAT(delivered, ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(Feed, ThatIsInterruptedDuringAReplayReadsOnAndOnceMore) {
  subject.begin(lab, 0);
  subject.interrupt();
  page({1}, 1, false);
  page({2}, 2, true);
  live({4});
  EXPECT_THAT(delivered, ElementsAre(1, 2));
  EXPECT_THAT(reads, ElementsAre(0, 1));
  subject.resync();
  EXPECT_THAT(reads, ElementsAre(0, 1, 2));
  page({3}, 3, true);
  EXPECT_THAT(delivered, ElementsAre(1, 2, 3, 4));
}

TEST_F(Feed, BeginsAnewBehindItsLastEvent) {
  subject.begin(lab, 0);
  page({1, 2}, 2, true);
  EXPECT_EQ(subject.from(), resume_point{after_position{2}});
  subject.begin(lab, 2);
  EXPECT_EQ(opened, 1);
  EXPECT_THAT(reads, ElementsAre(0, 2));
  page({3}, 3, true);
  EXPECT_THAT(delivered, ElementsAre(1, 2, 3));
}

TEST_F(Feed, SaysWhatIsGoneWhenItIsAheadOfTheStore) {
  subject.begin(lab, 10, 25);
  EXPECT_THAT(gaps, ElementsAre(std::pair<std::int64_t, std::int64_t>{11, 25}));
  EXPECT_THAT(reads, ElementsAre(10));
  page({}, 10, true);
  live({11});
  EXPECT_THAT(delivered, ElementsAre(11));
}

TEST_F(Feed, SaysThatItCannotGoOn) {
  subject.on_failed({errc::not_found, "gone"});
  EXPECT_THAT(failures, ElementsAre(errc::not_found));
  subject.end();
  subject.on_failed({errc::not_found, "gone"});
  EXPECT_EQ(failures.size(), 1U);
}

// -- slow subscribers ---------------------------------------------------------

TEST_F(Feed, ReadsNoFurtherWhileItsSubscriberIsCongested) {
  subject.begin(lab, 0);
  congested = true;
  page({1}, 1, false);
  EXPECT_THAT(reads, ElementsAre(0));
  EXPECT_TRUE(subject.waits_for_drain());
  subject.on_drained();
  EXPECT_THAT(reads, ElementsAre(0));
  congested = false;
  subject.on_drained();
  EXPECT_THAT(reads, ElementsAre(0, 1));
  // One page at a time.
  subject.on_drained();
  EXPECT_THAT(reads, ElementsAre(0, 1));
}

TEST_F(Feed, ReadsFromTheStoreWhatItCouldNotHoldForACongestedSubscriber) {
  congested = true;
  subject.begin(lab, 0);
  std::vector<std::int64_t> stored;
  for (std::int64_t i = 1; i <= 5000; ++i) {
    live({i});
    stored.push_back(i);
  }
  congested = false;
  subject.on_drained();
  page({stored.begin(), stored.begin() + 2500}, 2500, false);
  page({stored.begin() + 2500, stored.end()}, 5000, true);
  // What overflowed may be behind this page, for all the feed knows.
  page({}, 5000, true);
  EXPECT_EQ(delivered, stored);
}

// -- its end ------------------------------------------------------------------

TEST_F(Feed, DeliversNothingAfterItsEnd) {
  subject.begin(lab, 0);
  subject.end();
  page({1}, 1, true);
  live({2});
  subject.begin(lab, 5);
  subject.resync();
  subject.on_drained();
  EXPECT_THAT(delivered, IsEmpty());
  EXPECT_THAT(reads, ElementsAre(0));
}

TEST_F(Feed, MayEndWhileItDeliversAPage) {
  end_at = 2;
  subject.begin(lab, 0);
  page({1, 2, 3}, 3, true);
  EXPECT_THAT(delivered, ElementsAre(1, 2));
  EXPECT_THAT(reads, ElementsAre(0));
}

TEST_F(Feed, MayEndWhileItDeliversWhatItHeld) {
  end_at = 2;
  subject.begin(lab, 0);
  live({1, 2, 3});
  page({}, 0, true);
  EXPECT_THAT(delivered, ElementsAre(1, 2));
}

// -- overlapping rooms --------------------------------------------------------

TEST_F(Feed, KnowsWhatItHasDelivered) {
  subject.begin(lab, 1);
  EXPECT_FALSE(subject.has_delivered(event_at(2)));
  page({2, 3}, 5, true);
  EXPECT_TRUE(subject.has_delivered(event_at(2)));
  EXPECT_FALSE(subject.has_delivered(event_at(1))) << "before its start";
  EXPECT_FALSE(subject.has_delivered(event_at(6))) << "not yet";
  auto elsewhere = event_at(3);
  elsewhere.source = std::make_shared<const event_source>(event_source{{}, {}, "other", "ada"});
  EXPECT_FALSE(subject.has_delivered(elsewhere)) << "not its room";
}

// -- any order of things ------------------------------------------------------

namespace {

/// The way of events from the store to a feed, in random steps: commits, a
/// broadcaster that publishes later and may die with what it had not published, a
/// reader that looks at some time and answers at a later one, and a subscriber that
/// is congested now and then.
class pipeline {
public:
  explicit pipeline(unsigned seed) : random_{seed} {
    for (std::int64_t i = 0; i < below(20); ++i)
      commit();
    start_ = stored_.empty() ? 0 : below(static_cast<std::int64_t>(stored_.size()) + 1);
    feed::hooks hooks;
    hooks.deliver = [this](const live_event& event) { delivered.push_back(event.position); };
    hooks.read = [this](std::int64_t position, page_size) { asked_.push_back(position); };
    hooks.opened = [](const room&) {};
    hooks.missed = [](std::int64_t, std::int64_t) { ADD_FAILURE() << "nothing was missed"; };
    hooks.failed = [](const store_error&) { ADD_FAILURE() << "nothing failed"; };
    hooks.congested = [this] { return congested_; };
    subject_ = std::make_unique<feed>(lab_, after_position{start_}, std::move(hooks));
  }

  void run(int steps) {
    lane_.emplace_back([this] { subject_->begin(lab_, start_); });
    for (int i = 0; i < steps; ++i)
      step(below(100));
    congested_ = false;
    // Everything that is under way arrives.
    if (!joined_)
      rejoin();
    if (unanswered_)
      answer_rejoin();
    while (!lane_.empty() || !asked_.empty() || page_ || !unpublished_.empty() || subject_->waits_for_drain()) {
      publish();
      look();
      answer();
      subject_->on_drained();
      arrive();
    }
  }

  [[nodiscard]] std::vector<std::int64_t> expected() const {
    std::vector<std::int64_t> positions;
    for (const auto& event : stored_)
      if (event.position > start_)
        positions.push_back(event.position);
    return positions;
  }

  std::vector<std::int64_t> delivered;

private:
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n)); }

  void step(std::int64_t dice) {
    if (dice < 25)
      commit();
    else if (dice < 45)
      publish();
    else if (dice < 60)
      look();
    else if (dice < 75)
      answer();
    else if (dice < 93)
      arrive();
    else if (dice < 96)
      congested_ = !congested_;
    else if (dice < 97)
      subject_->on_drained();
    else if (joined_ && !unanswered_)
      lose_broadcaster();
    else if (!joined_)
      rejoin();
    else
      answer_rejoin();
  }

  void commit() {
    last_ += 1 + below(3);
    // Some commits are of other rooms.
    if (below(4) == 0)
      return;
    stored_.push_back(event_at(last_));
    unpublished_.push_back(stored_.back());
  }

  void publish() {
    if (unpublished_.empty())
      return;
    if (joined_)
      lane_.emplace_back([this, event = unpublished_.front()] { subject_->on_live(event); });
    unpublished_.pop_front();
  }

  void lose_broadcaster() {
    joined_ = false;
    unpublished_.clear();
    lane_.emplace_back([this] { subject_->interrupt(); });
  }

  /// From now on events come again, which is said later.
  void rejoin() {
    joined_ = true;
    unanswered_ = true;
  }

  void answer_rejoin() {
    unanswered_ = false;
    lane_.emplace_back([this] { subject_->resync(); });
  }

  /// The reader takes its view.
  void look() {
    if (asked_.empty() || page_)
      return;
    const auto from = asked_.front();
    asked_.pop_front();
    constexpr std::size_t limit = 4;
    page_.emplace();
    auto& [page, events] = *page_;
    page.position = last_;
    page.at_end = true;
    for (const auto& event : stored_) {
      if (event.position <= from)
        continue;
      if (events.size() == limit) {
        page.position = events.back().position;
        page.at_end = false;
        break;
      }
      events.push_back(event);
    }
  }

  void answer() {
    if (!page_)
      return;
    lane_.emplace_back([this, page = std::move(*page_)] { subject_->on_page(page.first, page.second); });
    page_.reset();
  }

  void arrive() {
    if (lane_.empty())
      return;
    const auto next = std::move(lane_.front());
    lane_.pop_front();
    next();
  }

  std::mt19937 random_;
  const room lab_{room::kind::ns, {}, "lab"};
  std::unique_ptr<feed> subject_;
  std::int64_t last_ = 0;
  std::int64_t start_ = 0;
  std::vector<live_event> stored_;
  /// Committed, and on the way to the broadcaster.
  std::deque<live_event> unpublished_;
  bool joined_ = true;
  /// It has joined again and does not know it yet.
  bool unanswered_ = false;
  std::deque<std::int64_t> asked_;
  std::optional<std::pair<room_events, std::vector<live_event>>> page_;
  /// On the way to the feed's thread, in order.
  std::deque<std::function<void()>> lane_;
  bool congested_ = false;
};

} // namespace

TEST(FeedSeam, HasNoHoleAndNoRepeatInAnyOrderOfThings) {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    pipeline subject{seed};
    subject.run(400);
    ASSERT_EQ(subject.delivered, subject.expected()) << "seed " << seed;
  }
}

} // namespace troupe
