#include "actors/cluster/cluster.hpp"
#include "actors/timeouts.hpp"
#include "tests/actors/fake_peer.hpp"

#include <caf/stateful_actor.hpp>
#include <gmock/gmock.h>

#include <algorithm>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// Signs of life, links, load, wake-ups.
class Cluster : public cluster_fixture {
protected:
  template <class Op>
  std::ptrdiff_t count() {
    return std::count_if(faults_->commits.begin(), faults_->commits.end(), [](const auto& types) {
      return std::count(types.begin(), types.end(), operation{Op{}}.index()) > 0;
    });
  }

  /// From now on, leases that the store is asked to look at come into `suspects_`.
  void note_suspects() {
    faults_->befalls = [this](auto batch) {
      for (const auto& op : batch)
        if (const auto* recover = std::get_if<recover_tasks>(&op))
          suspects_.insert(suspects_.end(), recover->suspects.begin(), recover->suspects.end());
      return fault::none;
    };
  }

  std::vector<uuid> suspects_;

  std::vector<node_record> nodes() { return value_of(ask<node_list>(peers()->readers.front(), get_nodes{})).nodes; }
};

class SmallCluster : public Cluster {
protected:
  void SetUp() override {
    config_.supervisor.capacity = 1;
    Cluster::SetUp();
  }
};

class GatewayCluster : public Cluster {
protected:
  void SetUp() override {
    config_.supervisor.claims = false;
    config_.cluster.role = node_role::gateway;
    Cluster::SetUp();
  }
};

const peer_state idle_worker{make_uuid(), 0, 10, false};

} // namespace

// -- signs of life ----------------------------------------------------------------

TEST_F(Cluster, AnnouncesTheNodeAgainAndAgain) {
  ASSERT_EQ(nodes().size(), 1U);
  advance(300ms);
  const auto node = nodes().front();
  EXPECT_EQ(node.id, config_.cluster.node_id);
  EXPECT_EQ(node.name, "test");
  EXPECT_EQ(node.version, TROUPE_VERSION);
  EXPECT_EQ(node.capacity, config_.supervisor.capacity);
  EXPECT_EQ(node.lease, load().lease);
  EXPECT_EQ(node.address, "");
  const auto before = count<announce_node>();
  advance(20s);
  EXPECT_EQ(count<announce_node>(), before + 10);
}

TEST_F(Cluster, AnnouncesWhatItsSupervisorSays) {
  execute("@delay=60000 hello");
  ask<drained>(peers()->supervisor, drain{1h});
  advance(2s);
  EXPECT_EQ(nodes().front().running, 1);
  EXPECT_EQ(nodes().front().health, node_health::draining);
}

TEST_F(Cluster, ANodeThatIsStoppedIsListedNoMore) {
  EXPECT_EQ(nodes().size(), 1U);
  actor_fixture::TearDown();
  const auto reader = config_.store->open_reader();
  const auto left = std::get<std::unique_ptr<store_reader>>(reader)->nodes();
  EXPECT_THAT(std::get<std::vector<node_record>>(left), IsEmpty());
}

TEST_F(Cluster, IsNotThereWhereTheDatabaseIsNotShared) {
  actor_fixture::TearDown();
  faults_->shared = false;
  start_node();
  EXPECT_FALSE(peers()->cluster);
  // Nor does anybody look for the work of others.
  faults_->commits.clear();
  advance(10s);
  EXPECT_THAT(faults_->commits, IsEmpty());
}

TEST_F(Cluster, WorkThatNobodySpokeOfIsFoundWithinASecond) {
  // Another process commits it.
  faults_->befalls = [](auto batch) { return holds<create_task>(batch) ? fault::lost_after_commit : fault::none; };
  auto command = make_task("hello");
  const auto id = command.task.id;
  ask_writer(std::move(command));
  faults_->befalls = [](auto) { return fault::none; };
  advance(1s);
  EXPECT_EQ(status(id), task_status::completed);
}

// -- links ------------------------------------------------------------------------

TEST_F(Cluster, AnswersAHelloWithItsState) {
  const auto peer = make_peer("far", idle_worker);
  ASSERT_TRUE(peer->answer);
  EXPECT_EQ(peer->answer->from, (link_end{config_.cluster.node_id, peer->link}));
  EXPECT_EQ(peer->answer->name, "test");
  EXPECT_EQ(peer->answer->state.capacity, config_.supervisor.capacity);
  // Once it knows the peer's rooms it tells its own, which are none.
  ASSERT_EQ(peer->interests.size(), 1U);
  EXPECT_TRUE(peer->interests.front().whole);
  EXPECT_FALSE(peer->interests.front().listening);
  EXPECT_THAT(peer->interests.front().joined, IsEmpty());
}

TEST_F(Cluster, RefusesAHelloThatIsMeantForAnotherNode) {
  const auto peer = make_peer("far", {}, make_uuid());
  EXPECT_FALSE(peer->answer);
  EXPECT_TRUE(peer->refusal);
}

// Seen: a copied database names the original's nodes, and staging's node dialled production's.
TEST_F(Cluster, RefusesAHelloOfANodeThatIsNotInItsDatabase) {
  const auto before = count<announce_node>();
  const auto stranger = make_stranger("staging");
  ASSERT_TRUE(stranger->refusal);
  EXPECT_EQ(*stranger->refusal, errc::not_found);
  EXPECT_FALSE(stranger->answer);
  EXPECT_EQ(count<announce_node>(), before + 1) << "the database was not asked whether it has come since";
}

TEST_F(Cluster, RefusesAHelloOfANodeThatIsOnACopy) {
  const auto far = list_peer("far");
  far->database = "7713802291141893433/16390/1";
  greet(far, config_.cluster.node_id);
  ASSERT_TRUE(far->refusal);
  EXPECT_THAT(sentence_of(*far->refusal), HasSubstr("on a copy of this one"));
}

TEST_F(Cluster, TakesAHelloOfANodeThatHasJustCome) {
  advance(1s);
  EXPECT_TRUE(make_peer("far", idle_worker)->answer);
}

TEST_F(Cluster, ANewHelloReplacesALink) {
  const auto peer = make_peer("far", idle_worker);
  auto again = std::make_shared<peer_log>();
  again->node = peer->node;
  greet(again, config_.cluster.node_id);
  ASSERT_TRUE(again->answer);
  EXPECT_EQ(peer->closes, 1);
  // What still comes over the old one is passed over.
  EXPECT_TRUE(ask<interest_noted>(peers()->cluster, interest_changed{peer->from(), false, true, {}, {}})->waits());
  run();
  value_of(ask<interest_noted>(peers()->cluster, interest_changed{again->from(), false, true, {}, {}}));
}

TEST_F(Cluster, TheDeathOfALinkedNodeMakesItsLeaseASuspect) {
  const auto peer = make_peer("far", idle_worker);
  note_suspects();
  kill(peer->self);
  EXPECT_THAT(suspects_, ElementsAre(idle_worker.lease));
}

TEST_F(Cluster, ANodeThatHasNotToldItsLeaseIsASuspectItself) {
  const auto peer = make_peer("far", {});
  note_suspects();
  kill(peer->self);
  EXPECT_THAT(suspects_, ElementsAre(peer->node.id));
}

TEST_F(Cluster, TheLeaseOfASuspectIsTheOneItLastTold) {
  const auto peer = make_peer("far", idle_worker);
  auto changed = idle_worker;
  changed.lease = make_uuid();
  tell(node_status{peer->from(), changed});
  note_suspects();
  kill(peer->self);
  EXPECT_THAT(suspects_, ElementsAre(changed.lease));
}

TEST_F(Cluster, WhatAProviderAsksOfOneNodeIsToldToAll) {
  const auto peer = make_peer("far", idle_worker);
  caf::anon_send(peers()->models, pause_model{"default", "gpt", 2s, false});
  run();
  ASSERT_EQ(peer->pauses.size(), 1U);
  EXPECT_EQ(peer->pauses[0].name, "gpt");
  EXPECT_EQ(peer->pauses[0].wait, 2000);
}

TEST_F(Cluster, APauseThatAPeerTellsHoldsTheModelHere) {
  put_model op;
  op.model.name = "slow";
  op.model.ns = "default";
  op.model.limits.concurrency = 5;
  op.at = wall_clock();
  value_of(ask_writer(op));
  put_bot_named("echo", [](auto& bot) { bot.model = "slow"; });
  const auto peer = make_peer("far", idle_worker);
  const auto first = execute_with("echo", "one");
  ASSERT_EQ(status(first), task_status::completed);
  tell(model_paused{peer->from(), "default", "slow", 5000});
  const auto second = execute_with("echo", "two");
  advance(4s);
  EXPECT_EQ(status(second), task_status::running);
  advance(2s);
  EXPECT_EQ(status(second), task_status::completed);
}

TEST_F(Cluster, TheDeathOfTheClusterActorBreaksLinksAndNothingElse) {
  const auto id = execute("@pace=100 one two three");
  make_peer("far", idle_worker);
  kill(peers()->cluster);
  advance(1s);
  EXPECT_EQ(outcomes(id), "completed");
  EXPECT_TRUE(make_peer("far", idle_worker)->answer);
}

// -- dialling -----------------------------------------------------------------------

namespace {

/// The cluster actor alone, with a connector of the test's own.
class Dialling : public Cluster {
protected:
  void SetUp() override {
    Cluster::SetUp();
    connector_ = system_.spawn([this](connector_actor::pointer) -> connector_actor::behavior_type {
      return {
        [this](const open_door& request) -> caf::result<door> {
          opened_.push_back(request.host);
          if (port_taken_)
            return caf::make_error(errc::unavailable, std::string{"The port is taken."});
          return door{7000};
        },
        [this](const connect_to& request) -> caf::result<connected> {
          dialled_.push_back(request.host + ":" + std::to_string(request.port));
          if (refusal_)
            return *refusal_;
          if (!answering_)
            return caf::make_error(errc::unavailable, std::string{"Nobody answers."});
          return connected{caf::actor_cast<peer_actor>(answering_->self)};
        },
      };
    });
    track(caf::actor_cast<caf::actor>(connector_));
  }

  /// Starts it with these nodes in the database.
  void start(std::vector<node_record> others) {
    faults_->other_nodes = std::move(others);
    auto known = std::make_shared<services>(*peers());
    known->connector = connector_;
    auto config = config_.cluster;
    config.links = true;
    config.node_id = self_;
    subject_ = system_.spawn(cluster, services_ptr{known}, config, config_.measured);
    track(caf::actor_cast<caf::actor>(subject_));
    run();
  }

  static node_record node(const uuid& id, std::string address, node_health health = node_health::alive) {
    node_record made;
    made.id = id;
    made.name = "other";
    made.address = std::move(address);
    made.health = health;
    return made;
  }

  /// Somebody who answers a hello, as the node `id`.
  peer_ptr make_answering(const uuid& id) {
    auto log = std::make_shared<peer_log>();
    log->node.id = id;
    log->self = system_.spawn([log](caf::event_based_actor* self) -> caf::behavior {
      auto handlers = behave(self, log);
      return caf::message_handler{[log](const hello& offer) {
               log->link = offer.from.link;
               return welcome{log->from(), "other", {}};
             }}
        .or_else(handlers);
    });
    track(log->self);
    answering_ = log;
    return log;
  }

  const uuid older_ = make_uuid();
  const uuid self_ = make_uuid();
  const uuid younger_ = make_uuid();
  bool port_taken_ = false;
  std::optional<caf::error> refusal_;
  std::vector<std::string> opened_;
  std::vector<std::string> dialled_;
  peer_ptr answering_;
  connector_actor connector_;
  cluster_actor subject_;
};

} // namespace

TEST_F(Dialling, OpensItsPortBeforeItIsAnnounced) {
  start({});
  EXPECT_THAT(opened_, ElementsAre("127.0.0.1"));
  const auto found = nodes();
  EXPECT_EQ(found.front().address, "127.0.0.1:7000");
}

TEST_F(Dialling, APortThatIsTakenEndsIt) {
  port_taken_ = true;
  start({});
  const auto asked = ask<ending_done>(subject_, end_elsewhere{"x", delete_task{}});
  run();
  EXPECT_TRUE(asked->error);
}

TEST_F(Dialling, DialsOlderNodesThatAreThereAndTakeLinks) {
  start({node(older_, "10.0.0.1:1"), node(younger_, "10.0.0.2:2"), node(make_uuid(), ""),
         node(uuid{}, "10.0.0.3:3", node_health::lost)});
  EXPECT_THAT(dialled_, ElementsAre("10.0.0.1:1"));
}

TEST_F(Dialling, DialsAgainAtEachSignOfLifeUntilSomebodyAnswers) {
  start({node(older_, "10.0.0.1:1")});
  advance(300ms);
  EXPECT_EQ(dialled_.size(), 2U);
  advance(2s);
  EXPECT_EQ(dialled_.size(), 3U);
  const auto peer = make_answering(older_);
  advance(2s);
  EXPECT_EQ(dialled_.size(), 4U);
  ASSERT_EQ(peer->interests.size(), 1U);
  EXPECT_TRUE(peer->interests.front().whole);
  advance(1min);
  EXPECT_EQ(dialled_.size(), 4U);
}

TEST_F(Dialling, LeavesANodeAloneForAWhileThatRefusesItsHandshake) {
  refusal_ = caf::make_error(caf::sec::incompatible_application_ids);
  start({node(older_, "10.0.0.1:1")});
  advance(29s);
  EXPECT_EQ(dialled_.size(), 1U);
  refusal_.reset();
  const auto peer = make_answering(older_);
  advance(3s);
  EXPECT_EQ(dialled_.size(), 2U);
  EXPECT_EQ(peer->interests.size(), 1U);
}

TEST_F(Dialling, TakesNoLinkToWhoeverElseIsAtTheAddress) {
  const auto stranger = make_answering(make_uuid());
  start({node(older_, "10.0.0.1:1")});
  EXPECT_THAT(stranger->interests, IsEmpty());
}

TEST_F(Dialling, LinksAgainAfterALinkBroke) {
  auto peer = make_answering(older_);
  start({node(older_, "10.0.0.1:1")});
  EXPECT_EQ(peer->interests.size(), 1U);
  answering_ = nullptr;
  kill(peer->self);
  peer = make_answering(older_);
  advance(2s);
  EXPECT_EQ(peer->interests.size(), 1U);
}

// -- load -------------------------------------------------------------------------

TEST_F(Cluster, TellsItsLoadWhenItHasChangedAndOnlyThen) {
  const auto peer = make_peer("far", idle_worker);
  advance(1s);
  // Once, since it is not sure what the peer was told.
  EXPECT_LE(peer->statuses.size(), 1U);
  peer->statuses.clear();
  execute("@delay=1000 hello");
  advance(100ms);
  ASSERT_EQ(peer->statuses.size(), 1U);
  EXPECT_EQ(peer->statuses.back().state.running, 1);
  EXPECT_EQ(peer->statuses.back().from, (link_end{config_.cluster.node_id, peer->link}));
  advance(1s);
  ASSERT_EQ(peer->statuses.size(), 2U);
  EXPECT_EQ(peer->statuses.back().state.running, 0);
}

TEST_F(Cluster, ADrainIsAnnouncedAtOnceWhereThereAreLinks) {
  make_peer("far", idle_worker);
  advance(1s);
  execute("@delay=60000 hello");
  ask<drained>(peers()->supervisor, drain{1h});
  advance(100ms);
  EXPECT_EQ(nodes().front().health, node_health::draining);
}

// -- wake-ups ---------------------------------------------------------------------

TEST_F(GatewayCluster, WakesAWorkerForEachNewTask) {
  const auto peer = make_peer("far", idle_worker);
  execute("hello");
  EXPECT_EQ(peer->wakes, 1);
  advance(10ms);
  execute("hello");
  EXPECT_EQ(peer->wakes, 2);
}

TEST_F(GatewayCluster, WakesThoseWithCapacityOnly) {
  const auto full = make_peer("full", {make_uuid(), 10, 10, false});
  const auto leaving = make_peer("leaving", {make_uuid(), 0, 10, true});
  const auto gateway = make_peer("gateway", {});
  const auto free = make_peer("free", {make_uuid(), 9, 10, false});
  execute("hello");
  EXPECT_EQ(full->wakes + leaving->wakes + gateway->wakes, 0);
  EXPECT_EQ(free->wakes, 1);
}

TEST_F(GatewayCluster, WakesTheSameOneNotMoreOftenThanEvery5Milliseconds) {
  const auto peer = make_peer("far", {make_uuid(), 0, 1000, false});
  for (int i = 0; i < 20; ++i)
    execute("hello");
  EXPECT_EQ(peer->wakes, 1);
  advance(4ms);
  EXPECT_EQ(peer->wakes, 1);
  advance(1ms);
  EXPECT_EQ(peer->wakes, 2);
  advance(100ms);
  EXPECT_EQ(peer->wakes, 2);
}

TEST_F(SmallCluster, WakesAnotherNodeForWhatItHasNoRoomFor) {
  const auto peer = make_peer("far", idle_worker);
  execute("@delay=60000 hello");
  EXPECT_EQ(peer->wakes, 0);
  execute("hello");
  EXPECT_EQ(peer->wakes, 1);
  advance(10ms);
  // Polling finds it still waiting, which is no news.
  caf::anon_send(peers()->supervisor, work_arrived{true});
  run();
  EXPECT_EQ(peer->wakes, 1);
}

TEST_F(Cluster, WakesNobodyForWhatItTakesItself) {
  const auto peer = make_peer("far", idle_worker);
  for (int i = 0; i < 5; ++i)
    execute("hello");
  advance(1s);
  EXPECT_EQ(peer->wakes, 0);
}

TEST_F(Cluster, WakesAllForMoreThanOneClaim) {
  const auto one = make_peer("one", idle_worker);
  const auto two = make_peer("two", idle_worker);
  std::vector<std::shared_ptr<answer<task_result>>> asked;
  for (int i = 0; i < 400; ++i)
    asked.push_back(ask_writer(make_task("@delay=1000 hello")));
  run();
  EXPECT_EQ(one->wakes, 1);
  EXPECT_EQ(two->wakes, 1);
}

TEST_F(Cluster, WokenItClaimsAtOnce) {
  const auto peer = make_peer("far", idle_worker);
  advance(10ms);
  const auto before = count<claim_tasks>();
  tell(work_waiting{peer->from()});
  EXPECT_EQ(count<claim_tasks>(), before + 1);
  tell(work_waiting{{peer->node.id, make_uuid()}});
  EXPECT_EQ(count<claim_tasks>(), before + 1);
}

TEST_F(SmallCluster, WokenForNothingItWakesNobodyElse) {
  const auto peer = make_peer("far", idle_worker);
  execute("@delay=60000 hello");
  tell(work_waiting{peer->from()});
  EXPECT_EQ(peer->wakes, 0);
}

} // namespace troupe
