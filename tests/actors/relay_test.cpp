#include "actors/timeouts.hpp"
#include "tests/actors/fake_peer.hpp"

#include <caf/stateful_actor.hpp>
#include <gmock/gmock.h>

#include <algorithm>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

/// Events across nodes: the broadcaster and the cluster actor together.
class EventRelay : public cluster_fixture {
protected:
  /// What a subscriber has got: positions, and -1 where it was told that it missed something.
  using received = std::vector<std::int64_t>;

  subscriber_actor make_subscriber(received& got) {
    const auto one = system_.spawn([&got](subscriber_actor::pointer) -> subscriber_actor::behavior_type {
      return {[&got](const events_published& published) {
                for (const auto index : published.chosen)
                  got.push_back((*published.events)[index].position);
              },
              [&got](const events_missed&) { got.push_back(-1); }};
    });
    track(caf::actor_cast<caf::actor>(one));
    return one;
  }

  std::shared_ptr<answer<done>> ask_to_join(const room& where, const subscriber_actor& who) {
    auto asked = ask<done>(peers()->broadcaster, join_room{where, who});
    run();
    return asked;
  }

  void leave(const room& where, const subscriber_actor& who) {
    caf::anon_send(peers()->broadcaster, leave_room{where, who});
    run();
  }

  std::int64_t position() {
    return value_of(ask<last_position>(peers()->readers.front(), get_last_position{})).position;
  }

  /// A note that is not executed: one commit of this node, of one event.
  uuid note() {
    auto command = make_task("note");
    command.execute = false;
    return execute(std::move(command));
  }

  static std::vector<std::int64_t> positions(const std::vector<events_relayed>& commits) {
    std::vector<std::int64_t> found;
    for (const auto& commit : commits)
      for (const auto& event : commit.events)
        found.push_back(event.position);
    return found;
  }

  /// A commit that the store has and nobody here hears of.
  void note_unheard() {
    faults_->befalls = once<create_task>(fault::lost_after_commit);
    auto command = make_task("note");
    command.execute = false;
    ask_writer(std::move(command));
    run();
  }

  /// The broadcaster knows none but a reader that has died.
  void lose_readers() {
    const auto reader = peers()->readers.back();
    auto changed = std::make_shared<services>(*peers());
    changed->readers = {reader};
    kill(reader);
    caf::anon_send(peers()->broadcaster, services_changed{changed});
    run();
  }

  void find_readers() {
    caf::anon_send(peers()->broadcaster, services_changed{peers()});
    run();
  }

  received got_;
};

} // namespace

// -- joining ----------------------------------------------------------------------

TEST_F(EventRelay, WithoutOtherNodesAJoinIsAnsweredAtOnce) {
  const auto one = make_subscriber(got_);
  EXPECT_FALSE(ask_to_join(ns_room("default"), one)->waits());
  note();
  EXPECT_EQ(got_.size(), 1U);
}

TEST_F(EventRelay, AJoinWaitsUntilEveryLinkedNodeKnowsOfTheRoom) {
  const auto one = make_peer("one");
  const auto two = make_peer("two");
  two->silent = true;
  const auto asked = ask_to_join(user_room("ada"), make_subscriber(got_));
  EXPECT_TRUE(asked->waits());
  for (const auto& peer : {one, two}) {
    ASSERT_EQ(peer->interests.size(), 2U);
    EXPECT_TRUE(peer->interests.back().listening);
    EXPECT_FALSE(peer->interests.back().whole);
    EXPECT_THAT(peer->interests.back().joined, ElementsAre(user_room("ada")));
  }
  // Whoever does not answer loses its link.
  advance(999ms);
  EXPECT_TRUE(asked->waits());
  advance(1ms);
  EXPECT_FALSE(asked->waits());
  EXPECT_EQ(two->closes, 1);
  EXPECT_EQ(one->closes, 0);
}

TEST_F(EventRelay, ANodeThatDiesIsNotWaitedFor) {
  const auto peer = make_peer("far");
  peer->silent = true;
  const auto asked = ask_to_join(user_room("ada"), make_subscriber(got_));
  EXPECT_TRUE(asked->waits());
  kill(peer->self);
  EXPECT_FALSE(asked->waits());
}

TEST_F(EventRelay, JoinsThatComeWhileOthersAreToldShareTheNextRound) {
  const auto peer = make_peer("far");
  const auto one = make_subscriber(got_);
  std::vector<std::shared_ptr<answer<done>>> asked;
  for (int i = 0; i < 50; ++i)
    asked.push_back(ask<done>(peers()->broadcaster, join_room{thread_room(make_uuid()), one}));
  run();
  EXPECT_TRUE(std::none_of(asked.begin(), asked.end(), [](const auto& each) { return each->waits(); }));
  EXPECT_LT(peer->interests.size(), 10U);
}

TEST_F(EventRelay, ARoomThatOthersKnowOfIsJoinedWithoutAskingThem) {
  const auto peer = make_peer("far");
  ask_to_join(user_room("ada"), make_subscriber(got_));
  const auto told = peer->interests.size();
  EXPECT_FALSE(ask_to_join(user_room("ada"), make_subscriber(got_))->waits());
  EXPECT_EQ(peer->interests.size(), told);
}

TEST_F(EventRelay, ANewNodeIsToldAllRooms) {
  ask_to_join(user_room("ada"), make_subscriber(got_));
  const auto peer = make_peer("far");
  ASSERT_EQ(peer->interests.size(), 1U);
  EXPECT_TRUE(peer->interests.front().listening);
  EXPECT_THAT(peer->interests.front().joined, ElementsAre(user_room("ada")));
}

TEST_F(EventRelay, ARoomThatIsLeftAndJoinedAgainIsStillKnown) {
  const auto peer = make_peer("far");
  const auto one = make_subscriber(got_);
  ask_to_join(user_room("ada"), one);
  peer->silent = true;
  ask<done>(peers()->broadcaster, join_room{user_room("eve"), one});
  caf::anon_send(peers()->broadcaster, leave_room{user_room("ada"), one});
  const auto again = ask<done>(peers()->broadcaster, join_room{user_room("ada"), one});
  peer->silent = false;
  run();
  // The silent round ends with the link. On a new one all of it is told.
  advance(1s);
  EXPECT_FALSE(again->waits());
  const auto next = make_peer("far");
  EXPECT_THAT(next->interests.front().joined, testing::UnorderedElementsAre(user_room("ada"), user_room("eve")));
}

TEST_F(EventRelay, OthersAreToldOfRoomsThatAreLeftAndSometimeThatNobodyListens) {
  const auto peer = make_peer("far");
  const auto one = make_subscriber(got_);
  ask_to_join(user_room("ada"), one);
  leave(user_room("ada"), one);
  EXPECT_THAT(peer->interests.back().left, ElementsAre(user_room("ada")));
  EXPECT_TRUE(peer->interests.back().listening);
  advance(1999ms);
  EXPECT_TRUE(peer->interests.back().listening);
  advance(1ms);
  EXPECT_FALSE(peer->interests.back().listening);
}

TEST_F(EventRelay, ASubscriberThatDiesLeavesItsRooms) {
  const auto peer = make_peer("far");
  const auto one = make_subscriber(got_);
  ask_to_join(user_room("ada"), one);
  kill(one);
  EXPECT_THAT(peer->interests.back().left, ElementsAre(user_room("ada")));
}

TEST_F(EventRelay, ANewBroadcasterHasNoRoomsForOthersUntilItIsJoined) {
  const auto peer = make_peer("far");
  ask_to_join(user_room("ada"), make_subscriber(got_));
  kill(peers()->broadcaster);
  EXPECT_TRUE(peer->interests.back().whole);
  EXPECT_THAT(peer->interests.back().joined, IsEmpty());
  ask_to_join(user_room("ada"), make_subscriber(got_));
  EXPECT_THAT(peer->interests.back().joined, ElementsAre(user_room("ada")));
}

// -- sending ----------------------------------------------------------------------

TEST_F(EventRelay, ACommitGoesToWhoeverListensWithTheEventsItWants) {
  const auto all = make_peer("all");
  const auto some = make_peer("some");
  const auto none = make_peer("none");
  const auto deaf = make_peer("deaf");
  want(all, {ns_room("default")});
  want(some, {thread_room(make_uuid())});
  want(none, {});
  const auto before = position();
  note();
  ASSERT_EQ(all->relayed.size(), 1U);
  EXPECT_EQ(all->relayed.front().from, (link_end{config_.cluster.node_id, all->link}));
  EXPECT_EQ(all->relayed.front().begin, before);
  EXPECT_EQ(all->relayed.front().end, position());
  EXPECT_THAT(positions(all->relayed), ElementsAre(position()));
  // That there was a commit is said in any case, or it would be missed.
  ASSERT_EQ(some->relayed.size(), 1U);
  EXPECT_THAT(positions(some->relayed), IsEmpty());
  EXPECT_EQ(none->relayed.size(), 1U);
  EXPECT_THAT(deaf->relayed, IsEmpty());
}

TEST_F(EventRelay, ARoomThatWasToldTwiceIsLeftOnce) {
  const auto peer = make_peer("far");
  want(peer, {ns_room("default")});
  want(peer, {ns_room("default")});
  value_of(
    ask<interest_noted>(peers()->cluster, interest_changed{peer->from(), false, true, {}, {ns_room("default")}}));
  note();
  EXPECT_THAT(positions(peer->relayed), IsEmpty());
}

TEST_F(EventRelay, ALinkThatIsClosedGetsNothing) {
  const auto peer = make_peer("far");
  want(peer, {ns_room("default")});
  tell(link_closed{peer->from()});
  note();
  EXPECT_THAT(peer->relayed, IsEmpty());
}

TEST_F(EventRelay, ANodeThatTakesNothingLosesItsLink) {
  const auto slow = make_peer("slow");
  const auto quick = make_peer("quick");
  want(slow, {ns_room("default")});
  want(quick, {ns_room("default")});
  for (int i = 0; i < 40; ++i) {
    auto command = make_task("note");
    command.execute = false;
    command.task.name = std::string(1U << 20U, 'n');
    execute(std::move(command));
    tell(relay_taken{quick->from(), 2U << 20U});
  }
  EXPECT_EQ(slow->closes, 1);
  EXPECT_LT(slow->relayed.size(), 40U);
  EXPECT_EQ(quick->closes, 0);
  EXPECT_EQ(quick->relayed.size(), 40U);
}

// -- receiving --------------------------------------------------------------------

TEST_F(EventRelay, WhatOtherNodesCommitReachesSubscribersInTheOrderOfPositions) {
  const auto one = make_peer("one");
  const auto two = make_peer("two");
  ask_to_join(user_room("ada"), make_subscriber(got_));
  const auto at = position();
  tell(commit_of(two, at + 2, at + 3));
  tell(commit_of(one, at + 3, at + 5));
  EXPECT_THAT(got_, IsEmpty());
  tell(commit_of(one, at, at + 2));
  EXPECT_THAT(got_, ElementsAre(at + 1, at + 2, at + 3, at + 4, at + 5));
  tell(commit_of(two, at + 5, at + 6, "eve"));
  tell(commit_of(two, at + 6, at + 7));
  EXPECT_EQ(got_.back(), at + 7);
  EXPECT_EQ(got_.size(), 6U);
}

TEST_F(EventRelay, ACommitOfThisNodeWaitsForThoseOfOthersBeforeIt) {
  const auto peer = make_peer("far");
  ask_to_join(ns_room("default"), make_subscriber(got_));
  const auto at = position();
  // The database of this test counts on from its own position.
  note();
  ASSERT_EQ(position(), at + 1);
  EXPECT_THAT(got_, ElementsAre(at + 1));
  caf::anon_send(peers()->broadcaster,
                 events_committed{std::make_shared<const std::vector<event_record>>(), at + 3, at + 4});
  tell(commit_of(peer, at + 4, at + 5));
  EXPECT_EQ(got_.size(), 1U);
  tell(commit_of(peer, at + 1, at + 3));
  EXPECT_THAT(got_, ElementsAre(at + 1, at + 2, at + 3, at + 5));
}

TEST_F(EventRelay, WhatDoesNotComeInTimeIsMissed) {
  const auto peer = make_peer("far");
  ask_to_join(user_room("ada"), make_subscriber(got_));
  const auto at = position();
  got_.clear();
  tell(commit_of(peer, at + 2, at + 3));
  advance(99ms);
  EXPECT_THAT(got_, IsEmpty());
  advance(1ms);
  EXPECT_THAT(got_, ElementsAre(-1, at + 3));
  // What comes after it was given up is in the store.
  tell(commit_of(peer, at, at + 2));
  tell(commit_of(peer, at + 3, at + 4));
  EXPECT_THAT(got_, ElementsAre(-1, at + 3, at + 4));
}

TEST_F(EventRelay, WhatComesOverALinkThatHasNotBeenToldTheRoomsIsNotTaken) {
  const auto peer = make_peer("far");
  peer->silent = true;
  ask_to_join(user_room("ada"), make_subscriber(got_));
  // The link is given up, and made again; the new one has not answered yet.
  advance(1s);
  auto again = std::make_shared<peer_log>();
  again->node = peer->node;
  again->silent = true;
  greet(again, config_.cluster.node_id);
  got_.clear();
  const auto at = position();
  tell(commit_of(again, at, at + 1));
  tell(commit_of(peer, at, at + 1));
  EXPECT_THAT(got_, IsEmpty());
}

TEST_F(EventRelay, WhatTheStoreHasAndNoLinkBroughtIsMissed) {
  ask_to_join(user_room("ada"), make_subscriber(got_));
  advance(5s);
  EXPECT_THAT(got_, IsEmpty());
  // Another process commits, to which there is no link.
  note_unheard();
  got_.clear();
  advance(2s + 100ms);
  EXPECT_THAT(got_, ElementsAre(-1));
  advance(10s);
  EXPECT_THAT(got_, ElementsAre(-1));
}

TEST_F(EventRelay, TheStoreIsAskedMoreOftenWhileSomeNodeIsNotLinked) {
  make_peer("far");
  advance(3s);
  ask_to_join(user_room("ada"), make_subscriber(got_));
  node_record other;
  other.id = make_uuid();
  faults_->other_nodes.push_back(other);
  advance(3s);
  note_unheard();
  got_.clear();
  advance(500ms + 250ms);
  EXPECT_THAT(got_, ElementsAre(-1));
}

TEST_F(EventRelay, ANewLinkMakesTheBroadcasterLookWhatItHasMissed) {
  const auto far = list_peer("far");
  ask_to_join(user_room("ada"), make_subscriber(got_));
  advance(3s);
  note_unheard();
  got_.clear();
  greet(far, config_.cluster.node_id);
  advance(100ms);
  EXPECT_THAT(got_, ElementsAre(-1));
}

TEST_F(EventRelay, AStoreThatDoesNotSayWhereItStandsDelaysNoJoin) {
  lose_readers();
  EXPECT_FALSE(ask_to_join(ns_room("default"), make_subscriber(got_))->waits());
  // Until it says so, nothing is passed on.
  note();
  note();
  EXPECT_THAT(got_, IsEmpty());
  find_readers();
  advance(3s);
  note();
  EXPECT_THAT(got_, ElementsAre(-1, position()))
    << "who looks into the store later than this looks behind what it missed";
}

} // namespace troupe
