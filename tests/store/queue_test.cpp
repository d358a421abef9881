#include "store_fixture.hpp"

#include <gmock/gmock.h>

/// How tasks wait, are claimed, and go on.
namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Queue : public store_fixture {
protected:
  /// The ids of what a claim gives, in its order.
  std::vector<uuid> claimed_ids(int limit = 100) {
    std::vector<uuid> ids;
    for (const auto& item : claim(limit))
      ids.push_back(item.id);
    return ids;
  }
};
TROUPE_ON_EVERY_DATABASE(Queue);

// -- claiming -------------------------------------------------------------------------

TEST_P(Queue, AClaimBeginsTheAttempt) {
  const auto id = execute("what is it?");
  EXPECT_TRUE(last.work_ready);
  const auto claimed = claim_one();
  EXPECT_FALSE(last.work_ready);
  EXPECT_EQ(claimed.id, id);
  EXPECT_EQ(claimed.thread_id, id);
  EXPECT_EQ(claimed.ns, "default");
  EXPECT_EQ(claimed.name, "a task");
  EXPECT_EQ(claimed.created_by, "alice");
  EXPECT_EQ(claimed.input, "what is it?");
  EXPECT_EQ(claimed.attempt, 1);
  EXPECT_FALSE(claimed.has_history);
  ASSERT_TRUE(claimed.bot);
  EXPECT_EQ(claimed.bot->name, "default");
  ASSERT_TRUE(claimed.model);
  EXPECT_EQ(claimed.model->kind, model_kind::builtin);
  const auto stored = task(id);
  EXPECT_EQ(stored.status, task_status::running);
  EXPECT_EQ(stored.node, "node-1");
  EXPECT_EQ(stored.started_at, clock);
  EXPECT_EQ(roles(messages(id)), "user");
  EXPECT_EQ(story(id), "task:created task:queued task:started chat:start");
}

TEST_P(Queue, PriorityGoesFirstThenTheOrderOfQueueing) {
  const auto low = make_task();
  auto high = make_task();
  high.task.priority = 5;
  auto lowest = make_task();
  lowest.task.priority = -1;
  const auto a = execute(lowest);
  const auto b = execute(low);
  const auto c = execute(high);
  const auto d = execute(make_task());
  EXPECT_THAT(claimed_ids(), ElementsAre(c, b, d, a));
}

TEST_P(Queue, AClaimTakesNoMoreThanItsLimit) {
  const auto a = execute();
  const auto b = execute();
  const auto c = execute();
  EXPECT_THAT(claimed_ids(2), ElementsAre(a, b));
  EXPECT_TRUE(last.work_ready);
  EXPECT_THAT(claimed_ids(2), ElementsAre(c));
  EXPECT_FALSE(last.work_ready);
}

TEST_P(Queue, ATaskThatNobodyExecutesIsNotClaimed) {
  const auto id = must(make_task()).task.id;
  EXPECT_FALSE(last.work_ready);
  EXPECT_FALSE(task(id).queued);
  EXPECT_THAT(claimed_ids(), IsEmpty());
  const auto queued = must(enqueue_task{id, {}, {}, clock, {}}).task;
  EXPECT_TRUE(queued.queued);
  EXPECT_TRUE(last.work_ready);
  EXPECT_THAT(claimed_ids(), ElementsAre(id));
}

TEST_P(Queue, QueueingTwiceChangesNothing) {
  const auto id = execute();
  must(enqueue_task{id, {}, {}, clock, {}});
  EXPECT_TRUE(last.events.empty());
  claim_one();
  must(enqueue_task{id, {}, {}, clock, {}});
  EXPECT_TRUE(last.events.empty());
  EXPECT_THAT(claimed_ids(), IsEmpty());
  EXPECT_EQ(refused(enqueue_task{completed_task(), {}, {}, clock, {}}), errc::illegal_transition);
}

TEST_P(Queue, EveryMomentOfATaskIsCountedOnce) {
  execute();
  const auto running = execute();
  auto later = make_task();
  later.task.run_at = now() + 1h;
  EXPECT_EQ(claim(2).size(), 2u);
  execute(later);
  execute(make_turn(running));
  execute();
  const auto retrying = claim_one();
  must(make_retry(retrying, now() + 1h));
  execute();
  const auto row = queue_of();
  EXPECT_EQ(row.running, 2);
  EXPECT_EQ(row.scheduled, 1);
  EXPECT_EQ(row.blocked, 1);
  EXPECT_EQ(row.retrying, 1);
  EXPECT_EQ(row.ready, 1);
  EXPECT_EQ(row.oldest_due, clock);
}

// -- times ----------------------------------------------------------------------------

TEST_P(Queue, AScheduledTaskWaitsForItsTime) {
  auto op = make_task();
  op.task.run_at = clock + 10s;
  const auto id = execute(op);
  EXPECT_FALSE(last.work_ready);
  EXPECT_EQ(last.next_due, clock + 10s);
  EXPECT_THAT(data_of(id, event_type::task_queued), HasSubstr("\"run_at\":\"" + to_rfc3339(clock + 10s)));
  advance(9s);
  EXPECT_THAT(claimed_ids(), IsEmpty());
  EXPECT_EQ(must(claim_tasks{owner, "node-1", 1, clock}).next_due, clock + 1s);
  advance(1s);
  EXPECT_THAT(claimed_ids(), ElementsAre(id));
  EXPECT_EQ(must(claim_tasks{owner, "node-1", 1, clock}).next_due, std::nullopt);
}

TEST_P(Queue, ATimeThatHasPassedDelaysNothing) {
  auto op = make_task();
  op.task.run_at = clock - 1s;
  const auto id = execute(op);
  EXPECT_TRUE(last.work_ready);
  EXPECT_EQ(last.next_due, std::nullopt);
  EXPECT_THAT(claimed_ids(), ElementsAre(id));
}

TEST_P(Queue, TheEarliestTimeOfABatchIsTold) {
  std::vector<operation> batch;
  for (const auto delay : {30s, 10s, 20s}) {
    auto op = make_task();
    op.task.run_at = clock + delay;
    op.execute = true;
    batch.emplace_back(op);
  }
  EXPECT_EQ(writer->apply(batch).next_due, clock + 10s);
}

TEST_P(Queue, ARetryWaitsForItsTime) {
  const auto id = execute();
  must(make_retry(claim_one(), clock + 5s));
  EXPECT_EQ(last.next_due, clock + 5s);
  EXPECT_FALSE(last.work_ready);
  EXPECT_THAT(claimed_ids(), IsEmpty());
  advance(5s);
  EXPECT_THAT(claimed_ids(), ElementsAre(id));
}

// -- failures -------------------------------------------------------------------------

TEST_P(Queue, AFailureThatIsRetriedTellsSo) {
  const auto id = execute();
  const auto claimed = claim_one();
  auto failure = make_retry(claimed, clock + 5s);
  failure.events.push_back({event_type::chat_chunk, R"({"text":"al"})"});
  must(failure);
  EXPECT_THAT(story(id), testing::EndsWith("chat:start chat:chunk chat:error task:retrying"));
  EXPECT_EQ(data_of(id, event_type::chat_error), R"({"error":"it broke","error_class":"transient"})");
  EXPECT_EQ(data_of(id, event_type::task_retrying),
            R"({"name":"a task","status":"RUNNING","error":"it broke","error_class":"transient","attempt":1,)"
            R"("next_attempt_at":")"
              + to_rfc3339(clock + 5s) + "\"}");
  const auto all = attempts(id);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].outcome, attempt_outcome::failed);
  EXPECT_EQ(all[0].error, "it broke");
  EXPECT_EQ(all[0].error_kind, error_class::transient);
  EXPECT_EQ(all[0].ended_at, clock);
}

TEST_P(Queue, AFinalFailureTellsSo) {
  const auto id = execute();
  must(make_retry(claim_one(), clock));
  auto failure = make_failure(claim_one(), "no such \"model\"");
  failure.kind = error_class::permanent;
  failure.chat_started = false;
  must(failure);
  EXPECT_THAT(story(id), testing::EndsWith("task:started chat:start task:failed"));
  EXPECT_EQ(
    data_of(id, event_type::task_failed),
    R"({"name":"a task","status":"FAILED","error":"no such \"model\"","error_class":"permanent","attempts":2})");
  const auto stored = task(id);
  EXPECT_EQ(stored.status, task_status::failed);
  EXPECT_EQ(stored.error, "no such \"model\"");
  EXPECT_EQ(stored.error_kind, error_class::permanent);
  EXPECT_EQ(stored.completed_at, clock);
  EXPECT_FALSE(stored.queued);
}

TEST_P(Queue, ChargedAndThrottledFailuresAreCountedApart) {
  execute();
  must(make_retry(claim_one(), clock));
  auto throttled = make_retry(claim_one(), clock);
  throttled.charge = false;
  must(throttled);
  must(throttled = make_retry(claim_one(), clock));
  const auto fourth = claim_one();
  EXPECT_EQ(fourth.attempt, 4);
  EXPECT_EQ(fourth.charged, 2);
  EXPECT_EQ(fourth.throttled, 1);
}

TEST_P(Queue, OnlyUnsuccessfulEndsAreRetriedByAUser) {
  EXPECT_EQ(refused(retry_task{completed_task(), clock, {}}), errc::illegal_transition);
  const auto id = execute();
  EXPECT_EQ(refused(retry_task{id, clock, {}}), errc::illegal_transition);
  claim_one();
  EXPECT_EQ(refused(retry_task{id, clock, {}}), errc::illegal_transition);
  must(make_cancel(id));
  must(retry_task{id, clock, {}});
  EXPECT_TRUE(last.work_ready);
  EXPECT_THAT(claimed_ids(), ElementsAre(id));
}

// -- handing back ---------------------------------------------------------------------

TEST_P(Queue, AReleasedTaskIsReadyAgainAndChargedNothing) {
  const auto id = execute();
  const auto first = claim_one();
  must(release_tasks{{fence_of(first)}, "The node drains.", clock});
  EXPECT_TRUE(last.work_ready);
  EXPECT_EQ(data_of(id, event_type::task_queued),
            R"({"name":"a task","status":"RUNNING","reason":"The node drains."})");
  EXPECT_EQ(attempts(id).at(0).outcome, attempt_outcome::released);
  const auto second = claim_one();
  EXPECT_EQ(second.attempt, 2);
  EXPECT_EQ(second.charged, 0);
}

TEST_P(Queue, AStaleReleaseIsPassedOver) {
  execute();
  const auto first = claim_one();
  auto stale = fence_of(first);
  stale.attempt = 9;
  must(release_tasks{{stale}, "drain", clock});
  EXPECT_TRUE(last.events.empty());
  must(make_completion(first));
}

TEST_P(Queue, WhatADeadNodeRanGoesOn) {
  const auto id = execute();
  claim_one();
  close();
  open();
  const auto result = must(recover_tasks{5, clock, {}});
  EXPECT_EQ(result.requeued, 1);
  EXPECT_EQ(result.failed, 0);
  EXPECT_TRUE(last.work_ready);
  EXPECT_THAT(data_of(id, event_type::task_retrying), HasSubstr(R"("error_class":"transient","attempt":1)"));
  const auto lost = attempts(id).at(0);
  EXPECT_EQ(lost.outcome, attempt_outcome::lost);
  EXPECT_EQ(lost.error, "The node that ran this attempt ended.");
  const auto again = claim_one();
  EXPECT_EQ(again.id, id);
  EXPECT_EQ(again.attempt, 2);
  EXPECT_EQ(again.charged, 0);
}

TEST_P(Queue, ATaskThatIsLostTooOftenFails) {
  const auto id = execute();
  for (int i = 0; i < 2; ++i) {
    claim_one();
    EXPECT_EQ(must(recover_tasks{2, clock, {}}).requeued, 1);
  }
  claim_one();
  EXPECT_EQ(must(recover_tasks{2, clock, {}}).failed, 1);
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(task(id).error_kind, error_class::permanent);
  EXPECT_THAT(task(id).error.value_or(""), HasSubstr("3 times"));
  EXPECT_EQ(attempts(id).size(), 3u);
}

TEST_P(Queue, RecoveryTouchesOnlyWhatRan) {
  const auto retrying = execute();
  must(make_retry(claim_one(), clock + 1h));
  const auto waiting = execute();
  const auto result = must(recover_tasks{5, clock, {}});
  EXPECT_EQ(result.requeued, 0);
  EXPECT_EQ(attempts(retrying).size(), 1u);
  EXPECT_THAT(claimed_ids(), ElementsAre(waiting));
}

// -- threads --------------------------------------------------------------------------

TEST_P(Queue, TasksOfAThreadRunOneAtATimeInOrder) {
  const auto first = execute("one");
  auto urgent = make_turn(first, "three");
  const auto second = execute(make_turn(first, "two"));
  urgent.task.priority = 9;
  const auto third = execute(urgent);
  for (const auto& expected : {first, second, third}) {
    const auto claimed = claim(100);
    ASSERT_EQ(claimed.size(), 1u);
    EXPECT_EQ(claimed[0].id, expected);
    EXPECT_EQ(claimed[0].has_history, expected != first);
    EXPECT_FALSE(last.work_ready);
    must(make_completion(claimed[0]));
    EXPECT_EQ(last.work_ready, expected != third);
  }
  EXPECT_EQ(roles(conversation(first)), "user assistant user assistant user assistant");
}

TEST_P(Queue, ATaskBetweenAttemptsHoldsItsThread) {
  const auto first = execute();
  const auto second = execute(make_turn(first));
  must(make_retry(claim_one(), clock + 5s));
  EXPECT_THAT(claimed_ids(), IsEmpty());
  advance(5s);
  EXPECT_THAT(claimed_ids(), ElementsAre(first));
  must(make_cancel(first));
  EXPECT_TRUE(last.work_ready);
  EXPECT_THAT(claimed_ids(), ElementsAre(second));
}

TEST_P(Queue, AReleasedTaskHoldsItsThread) {
  const auto first = execute();
  execute(make_turn(first));
  must(release_tasks{{fence_of(claim_one())}, "drain", clock});
  EXPECT_THAT(claimed_ids(), ElementsAre(first));
}

TEST_P(Queue, ARecoveredTaskHoldsItsThread) {
  const auto first = execute();
  execute(make_turn(first));
  claim_one();
  must(recover_tasks{5, clock, {}});
  EXPECT_THAT(claimed_ids(), ElementsAre(first));
}

TEST_P(Queue, EveryEndLetsTheNextOfTheThreadGo) {
  const std::vector<std::function<void(const claimed_task&)>> ends{
    [this](const claimed_task& t) { must(make_completion(t)); },
    [this](const claimed_task& t) { must(make_failure(t)); },
    [this](const claimed_task& t) { must(make_cancel(t.id)); },
    [this](const claimed_task& t) { must(make_status(t.id, task_status::completed)); },
    [this](const claimed_task& t) {
      must(delete_task{t.id, clock});
    },
    [this](const claimed_task&) {
      must(recover_tasks{0, clock, {}});
    },
  };
  for (const auto& end : ends) {
    const auto first = execute();
    const auto second = execute(make_turn(first));
    end(claim_one());
    EXPECT_TRUE(last.work_ready);
    const auto next = claim_one();
    EXPECT_EQ(next.id, second);
    must(make_completion(next));
  }
}

TEST_P(Queue, ABlockedTaskThatIsCancelledLetsNobodyGo) {
  const auto first = execute();
  const auto second = execute(make_turn(first));
  const auto third = execute(make_turn(first));
  const auto running = claim_one();
  must(make_cancel(second));
  EXPECT_FALSE(last.work_ready);
  EXPECT_THAT(claimed_ids(), IsEmpty());
  must(make_completion(running));
  EXPECT_THAT(claimed_ids(), ElementsAre(third));
}

TEST_P(Queue, AScheduledTurnThatBecomesDueWaitsForItsThread) {
  const auto first = execute();
  auto later = make_turn(first);
  later.task.run_at = clock + 5s;
  const auto second = execute(later);
  const auto running = claim_one();
  advance(5s);
  EXPECT_THAT(claimed_ids(), IsEmpty());
  must(make_completion(running));
  EXPECT_TRUE(last.work_ready);
  EXPECT_THAT(claimed_ids(), ElementsAre(second));
}

TEST_P(Queue, ATurnThatIsNotDueYetBlocksNobody) {
  auto op = make_task();
  op.task.run_at = clock + 1h;
  const auto first = execute(op);
  const auto second = execute(make_turn(first));
  EXPECT_THAT(claimed_ids(), ElementsAre(second));
  advance(1h);
  EXPECT_THAT(claimed_ids(), IsEmpty());
}

TEST_P(Queue, TwoTurnsThatBecomeDueTogetherRunInOrder) {
  const auto root = must(make_task()).task.id;
  auto op = make_turn(root);
  op.task.run_at = clock + 2s;
  const auto first = execute(op);
  op = make_turn(root);
  op.task.run_at = clock + 1s;
  const auto second = execute(op);
  advance(5s);
  EXPECT_THAT(claimed_ids(), ElementsAre(first));
  EXPECT_EQ(queue_of().blocked, 1);
  must(make_cancel(first));
  EXPECT_THAT(claimed_ids(), ElementsAre(second));
}

TEST_P(Queue, AThreadsFirstTaskWaitsWhenATurnRunsAlready) {
  const auto root = must(make_task()).task.id;
  const auto turn = execute(make_turn(root));
  const auto running = claim_one();
  EXPECT_EQ(running.id, turn);
  must(enqueue_task{root, {}, {}, clock, {}});
  EXPECT_FALSE(last.work_ready);
  EXPECT_THAT(claimed_ids(), IsEmpty());
  must(make_completion(running));
  const auto next = claim_one();
  EXPECT_EQ(next.id, root);
  EXPECT_TRUE(next.has_history);
}

TEST_P(Queue, ATurnRunByHandIsHistoryToTheWaitingFirstTask) {
  const auto root = execute();
  const auto turn = must(make_turn(root)).task.id;
  must(make_status(turn, task_status::running));
  EXPECT_TRUE(claim_one().has_history);
}

TEST_P(Queue, ManyThreadsAreClaimedTogether) {
  std::vector<uuid> roots;
  for (int i = 0; i < 20; ++i) {
    roots.push_back(execute());
    execute(make_turn(roots.back()));
  }
  EXPECT_EQ(claimed_ids(), roots);
  EXPECT_EQ(queue_of().blocked, 20);
}

} // namespace
} // namespace troupe
