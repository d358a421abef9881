#include "actors/timeouts.hpp"
#include "tests/actors/fake_peer.hpp"

#include <gmock/gmock.h>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

/// Tasks that another node runs, and are to end.
class Ending : public cluster_fixture {
protected:
  void SetUp() override {
    config_.supervisor.claims = false;
    cluster_fixture::SetUp();
  }

  /// A task that the node `name` has claimed, with two chunks of its answer journaled.
  uuid run_elsewhere(const std::string& name) {
    const auto id = execute("hello");
    const auto claimed = value_of(ask_writer(claim_tasks{owner_, name, 1, wall_clock()}));
    EXPECT_EQ(claimed.tasks.size(), 1U);
    append_journal chunk;
    chunk.fence = {id, 1, owner_};
    chunk.events = {{event_type::chat_chunk, R"({"text":"Echo: ","offset":0})"}};
    chunk.at = wall_clock();
    value_of(ask_writer(chunk));
    chunk.events = {{event_type::chat_chunk, R"({"text":"zwölf","offset":6})"}};
    value_of(ask_writer(chunk));
    return id;
  }

  /// What a node does that is asked to cancel a task it runs.
  std::function<task_ended_there(const end_task_there&)> ends_it(const peer_ptr& whom) {
    // The peer holds this.
    return [this, peer = whom.get()](const end_task_there& request) {
      auto cancel = make_cancel(request.task);
      cancel.partial_output = "all of it";
      if (request.key)
        cancel.key = idempotency_key{*request.key, request.fingerprint};
      // Written before whoever hears of it can ask.
      caf::anon_send(peers()->writer, std::move(cancel));
      return task_ended_there{peer->from(), ending_result::ended, 0, {}};
    };
  }

  const uuid owner_ = make_uuid();
};

/// A node that runs tasks, and is asked by others.
class EndingHere : public cluster_fixture {
protected:
  end_task_there request_for(const peer_ptr& peer, const uuid& id, ending_kind kind = ending_kind::cancel) {
    end_task_there request;
    request.from = peer->from();
    request.kind = kind;
    request.task = id;
    request.at = wall_clock().time_since_epoch().count();
    return request;
  }

  task_ended_there ask_to_end(const end_task_there& request) {
    return value_of(ask<task_ended_there>(peers()->cluster, request));
  }
};

} // namespace

// -- asked here, running there ------------------------------------------------------

TEST_F(Ending, ACancelGoesToTheNodeThatRunsTheTask) {
  const auto peer = make_peer("far");
  const auto other = make_peer("other");
  peer->end = ends_it(peer);
  const auto id = run_elsewhere("far");
  auto request = make_cancel(id);
  request.key = idempotency_key{"key", "print"};
  const auto result = value_of(ask_supervisor(request));
  EXPECT_EQ(result.task.status, task_status::cancelled);
  EXPECT_EQ(result.task.output, "all of it");
  EXPECT_FALSE(result.replayed);
  ASSERT_EQ(peer->endings.size(), 1U);
  EXPECT_EQ(peer->endings.front().kind, ending_kind::cancel);
  EXPECT_THAT(other->endings, IsEmpty());
  // The key went with it.
  EXPECT_TRUE(value_of(ask_supervisor(request)).replayed);
  EXPECT_EQ(peer->endings.size(), 1U);
}

TEST_F(Ending, OfNodesWithOneNameAllAreAsked) {
  const auto one = make_peer("far");
  const auto two = make_peer("far");
  two->end = ends_it(two);
  const auto id = run_elsewhere("far");
  EXPECT_EQ(value_of(ask_supervisor(make_cancel(id))).task.output, "all of it");
  EXPECT_EQ(one->endings.size(), 1U);
  EXPECT_EQ(two->endings.size(), 1U);
}

TEST_F(Ending, WithoutALinkTheStoreAloneCancelsAndKeepsWhatWasJournaled) {
  const auto id = run_elsewhere("far");
  const auto result = value_of(ask_supervisor(make_cancel(id)));
  EXPECT_EQ(result.task.status, task_status::cancelled);
  EXPECT_EQ(result.task.output, "Echo: zwölf");
  EXPECT_EQ(outcomes(id), "cancelled");
  expect_sound_journal(id);
}

TEST_F(Ending, WhatWasJournaledIsKeptWholeHoweverManyPagesItHas) {
  const auto id = run_elsewhere("far");
  std::string expected = "Echo: zwölf";
  append_journal chunk;
  chunk.fence = {id, 1, owner_};
  chunk.at = wall_clock();
  for (const char c : {'a', 'b', 'c', 'd', 'e'}) {
    const std::string text(400'000, c);
    chunk.events = {{event_type::chat_chunk, R"({"text":")" + text + "\"}"}};
    value_of(ask_writer(chunk));
    expected += text;
  }
  EXPECT_EQ(value_of(ask_supervisor(make_cancel(id))).task.output, expected);
}

TEST_F(Ending, ANodeThatDoesNotAnswerIsWaitedForTwoSeconds) {
  const auto peer = make_peer("far");
  peer->end = nullptr;
  const auto id = run_elsewhere("far");
  const auto asked = ask_supervisor(make_cancel(id));
  advance(1999ms);
  EXPECT_TRUE(asked->waits());
  advance(1ms);
  EXPECT_EQ(value_of(asked).task.output, "Echo: zwölf");
}

TEST_F(Ending, ANodeThatDoesNotRunItAfterAllLeavesItToTheStore) {
  const auto peer = make_peer("far");
  const auto id = run_elsewhere("far");
  EXPECT_EQ(value_of(ask_supervisor(make_cancel(id))).task.status, task_status::cancelled);
  EXPECT_EQ(peer->endings.size(), 1U);
}

TEST_F(Ending, ARefusalThereIsARefusalHere) {
  const auto peer = make_peer("far");
  peer->end = [&](const end_task_there&) {
    return task_ended_there{peer->from(), ending_result::refused, static_cast<std::uint8_t>(errc::illegal_transition),
                            "It has just ended."};
  };
  const auto id = run_elsewhere("far");
  const auto asked = ask_supervisor(make_cancel(id));
  EXPECT_EQ(refusal_of(asked), errc::illegal_transition);
  EXPECT_EQ(sentence_of(*asked->error), "It has just ended.");
}

TEST_F(Ending, AStatusByHandAndADeletionGoThereToo) {
  const auto peer = make_peer("far");
  const auto id = run_elsewhere("far");
  set_task_status by_hand;
  by_hand.id = id;
  by_hand.status = task_status::completed;
  by_hand.output = "enough";
  by_hand.at = wall_clock();
  EXPECT_EQ(value_of(ask_supervisor(by_hand)).task.output, "enough");
  ASSERT_EQ(peer->endings.size(), 1U);
  EXPECT_EQ(peer->endings.back().kind, ending_kind::set_status);
  EXPECT_EQ(peer->endings.back().status, task_status::completed);
  EXPECT_EQ(*peer->endings.back().output, "enough");
  const auto second = run_elsewhere("far");
  value_of(ask_supervisor(delete_task{second, wall_clock()}));
  ASSERT_EQ(peer->endings.size(), 2U);
  EXPECT_EQ(peer->endings.back().kind, ending_kind::remove);
  EXPECT_THAT(story(second), testing::EndsWith("task:cancelled task:deleted"));
}

TEST_F(Ending, WhatDoesNotRunIsNobodyElsesBusiness) {
  const auto peer = make_peer("far");
  const auto id = execute("hello");
  EXPECT_EQ(value_of(ask_supervisor(make_cancel(id))).task.status, task_status::cancelled);
  EXPECT_EQ(refusal_of(ask_supervisor(make_cancel(make_uuid()))), errc::not_found);
  EXPECT_THAT(peer->endings, IsEmpty());
}

TEST_F(Ending, TheDeathOfTheClusterActorLeavesItToTheStore) {
  make_peer("far");
  const auto id = run_elsewhere("far");
  caf::anon_send_exit(peers()->cluster, caf::exit_reason::kill);
  EXPECT_EQ(value_of(ask_supervisor(make_cancel(id))).task.output, "Echo: zwölf");
}

// -- running here, asked there ------------------------------------------------------

TEST_F(EndingHere, AnotherNodeCancelsATaskThatRunsHere) {
  const auto peer = make_peer("far");
  const auto id = execute("@pace=100 @words=100000");
  advance(220ms);
  const auto answer = ask_to_end(request_for(peer, id));
  EXPECT_EQ(answer.result, ending_result::ended);
  EXPECT_EQ(answer.from, (link_end{config_.cluster.node_id, peer->link}));
  EXPECT_EQ(task(id).status, task_status::cancelled);
  EXPECT_EQ(task(id).output, "the stage is");
  EXPECT_EQ(load().running, 0);
  expect_sound_journal(id);
}

TEST_F(EndingHere, AnotherNodeSetsAStatusOrDeletes) {
  const auto peer = make_peer("far");
  const auto one = execute("@delay=60000 hello");
  auto by_hand = request_for(peer, one, ending_kind::set_status);
  by_hand.status = task_status::failed;
  by_hand.error = std::string{"enough"};
  EXPECT_EQ(ask_to_end(by_hand).result, ending_result::ended);
  EXPECT_EQ(task(one).error, "enough");
  const auto two = execute("@delay=60000 hello");
  EXPECT_EQ(ask_to_end(request_for(peer, two, ending_kind::remove)).result, ending_result::ended);
  EXPECT_THAT(story(two), testing::EndsWith("task:deleted"));
  EXPECT_EQ(load().running, 0);
}

TEST_F(EndingHere, WhatDoesNotRunHereIsSaidSo) {
  const auto peer = make_peer("far");
  const auto id = execute("hello");
  EXPECT_EQ(ask_to_end(request_for(peer, id)).result, ending_result::not_here);
  EXPECT_EQ(ask_to_end(request_for(peer, make_uuid())).result, ending_result::not_here);
  EXPECT_EQ(task(id).status, task_status::completed);
}

TEST_F(EndingHere, NothingIsDoneForWhoeverIsNotLinked) {
  auto stranger = std::make_shared<peer_log>();
  const auto id = execute("@delay=60000 hello");
  EXPECT_EQ(ask_to_end(request_for(stranger, id)).result, ending_result::not_here);
  EXPECT_EQ(status(id), task_status::running);
}

TEST_F(EndingHere, AStoreThatIsUnavailableLeavesItToTheOther) {
  const auto peer = make_peer("far");
  const auto id = execute("@delay=60000 hello");
  faults_->befalls = once<cancel_task>(fault::refused);
  EXPECT_EQ(ask_to_end(request_for(peer, id)).result, ending_result::not_here);
  EXPECT_EQ(status(id), task_status::running);
}

} // namespace troupe
