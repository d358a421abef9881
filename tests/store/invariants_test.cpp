#include "store_fixture.hpp"

#include <gmock/gmock.h>

/// The eight invariants of a store, by their numbers in the design.
namespace troupe {
namespace {

using Invariants = store_fixture;
TROUPE_ON_EVERY_DATABASE(Invariants);

// -- 1: what was acknowledged is on disk ------------------------------------------

TEST_P(Invariants, WhatWasAcknowledgedIsThereAfterAReopen) {
  const auto finished = completed_task();
  const auto waiting = execute("later");
  close();
  open();
  EXPECT_EQ(status(finished), task_status::completed);
  EXPECT_EQ(task(finished).output, "answer");
  EXPECT_EQ(roles(messages(finished)), "user assistant");
  EXPECT_EQ(status(waiting), task_status::pending);
  EXPECT_EQ(claim_one().id, waiting);
}

TEST_P(Invariants, NumbersGoOnAfterAReopen) {
  const auto id = execute();
  const auto position = last.events.back().position;
  close();
  open();
  claim_one();
  EXPECT_GT(last.events.front().position, position);
  EXPECT_EQ(last.events.front().seq, 3);
  EXPECT_EQ(story(id), "task:created task:queued task:started chat:start");
}

TEST_P(Invariants, MessagesWithoutEntriesKeepTheirOrderAfterAReopen) {
  const auto id = execute();
  const auto claimed = claim_one();
  auto intent = make_intent(claimed, "call-1");
  intent.events.clear();
  must(intent);
  close();
  open();
  must(make_result(claimed, "call-1", "noon"));
  must(make_completion(claimed));
  EXPECT_EQ(roles(messages(id)), "user assistant tool assistant");
}

// -- 2: state, journal and messages are one transaction ---------------------------

TEST_P(Invariants, ARefusedOperationLeavesNothing) {
  const auto id = execute();
  const auto claimed = claim_one();
  const auto before = journal(id).size();
  auto stale = make_completion(claimed);
  stale.fence.attempt = 7;
  stale.events.push_back({event_type::chat_chunk, "{}"});
  EXPECT_EQ(refused(stale), errc::fenced);
  EXPECT_TRUE(last.events.empty());
  EXPECT_EQ(journal(id).size(), before);
  EXPECT_EQ(roles(messages(id)), "user");
  EXPECT_EQ(status(id), task_status::running);
}

TEST_P(Invariants, AFailingOperationFailsAloneAndWholly) {
  const auto first = make_task("first");
  auto twin = make_task("twin");
  twin.task.id = twin.task.thread_id = first.task.id;
  twin.execute = true;
  const auto third = make_task("third");
  const std::vector<operation> batch{first, twin, third};
  const auto result = writer->apply(batch);
  ASSERT_EQ(result.outcomes.size(), 3u);
  EXPECT_EQ(refusal(result.outcomes[0]), std::nullopt);
  EXPECT_EQ(refusal(result.outcomes[1]), errc::unavailable);
  EXPECT_EQ(refusal(result.outcomes[2]), std::nullopt);
  EXPECT_EQ(result.events.size(), 2u);
  EXPECT_EQ(task(first.task.id).input, "first");
  EXPECT_EQ(story(first.task.id), "task:created");
  EXPECT_EQ(story(third.task.id), "task:created");
  EXPECT_TRUE(claim().empty());
}

TEST_P(Invariants, AfterAFailedOperationPositionsGoOnWithoutRepeat) {
  const auto first = make_task();
  auto twin = first;
  const auto other = make_task();
  const auto result = writer->apply(std::vector<operation>{first, twin, other});
  const auto next = make_task();
  must(next);
  EXPECT_GT(last.events.at(0).position, result.events.back().position);
  EXPECT_LT(result.events.at(0).position, result.events.at(1).position);
}

// -- 3: journals have no holes ------------------------------------------------------

TEST_P(Invariants, AJournalIsNumberedWithoutHoles) {
  const auto id = execute();
  const auto first = claim_one();
  must(append_journal{
    fence_of(first), {{event_type::chat_chunk, "{}"}, {event_type::chat_chunk, "{}"}}, {}, {}, {}, clock});
  must(make_retry(first, clock));
  must(make_completion(claim_one()));
  const auto entries = journal(id);
  std::int64_t expected = 0;
  for (const auto& entry : entries)
    EXPECT_EQ(entry.seq, ++expected);
  EXPECT_EQ(expected, 11);
}

TEST_P(Invariants, AReaderThatAsksAfterNMissesAndRepeatsNothing) {
  const auto id = completed_task();
  const auto whole = journal(id);
  for (std::int64_t after = 0; after <= static_cast<std::int64_t>(whole.size()); ++after) {
    const auto rest = value_of<page<event_record, std::int64_t>>(reader->events_after(id, after, 2)).items;
    ASSERT_EQ(rest.size(), std::min<std::size_t>(2, whole.size() - static_cast<std::size_t>(after)));
    if (!rest.empty()) {
      EXPECT_EQ(rest[0].seq, after + 1);
    }
  }
}

// -- 4: a stale writer changes nothing ----------------------------------------------

TEST_P(Invariants, AnotherOwnersWriteIsFenced) {
  execute();
  const auto claimed = claim_one();
  auto op = make_completion(claimed);
  op.fence.owner = make_uuid();
  EXPECT_EQ(refused(op), errc::fenced);
  EXPECT_EQ(refused(make_completion(claimed)), std::nullopt);
}

TEST_P(Invariants, AnEarlierAttemptsWriteIsFenced) {
  const auto id = execute();
  const auto first = claim_one();
  must(make_retry(first, clock));
  const auto second = claim_one();
  EXPECT_EQ(refused(append_journal{fence_of(first), {{event_type::chat_chunk, "{}"}}, {}, {}, {}, clock}),
            errc::fenced);
  EXPECT_EQ(refused(make_failure(first)), errc::fenced);
  EXPECT_EQ(refused(make_completion(first)), errc::fenced);
  must(make_completion(second));
  EXPECT_EQ(refused(make_completion(second)), errc::fenced);
  EXPECT_EQ(status(id), task_status::completed);
}

TEST_P(Invariants, AWriteBetweenTwoAttemptsIsFenced) {
  execute();
  const auto claimed = claim_one();
  must(make_retry(claimed, clock + std::chrono::hours{1}));
  EXPECT_EQ(refused(make_completion(claimed)), errc::fenced);
}

TEST_P(Invariants, AWriteAfterACancelIsFenced) {
  const auto id = execute();
  const auto claimed = claim_one();
  must(make_cancel(id));
  EXPECT_EQ(refused(append_journal{fence_of(claimed), {{event_type::chat_chunk, "{}"}}, {}, {}, {}, clock}),
            errc::fenced);
  EXPECT_THAT(story(id), testing::EndsWith("chat:cancelled task:cancelled"));
}

// -- 5: one user message, one answer ------------------------------------------------

TEST_P(Invariants, ManyAttemptsLeaveOneUserMessageAndOneAnswer) {
  const auto id = execute("the question");
  for (int i = 0; i < 4; ++i)
    must(make_retry(claim_one(), clock));
  must(make_completion(claim_one(), "the answer"));
  const auto items = messages(id);
  ASSERT_EQ(roles(items), "user assistant");
  EXPECT_EQ(items[0].content, "the question");
  EXPECT_EQ(items[0].attempt, 1);
  EXPECT_EQ(items[1].content, "the answer");
  EXPECT_EQ(items[1].attempt, 5);
}

TEST_P(Invariants, AnUnsuccessfulEndLeavesNoFinalAnswer) {
  EXPECT_EQ(roles(messages(failed_task())), "user");
  const auto cancelled = execute();
  claim_one();
  auto cancel = make_cancel(cancelled);
  cancel.partial_output = "half an ans";
  must(cancel);
  // What was said until then stays, and says so.
  const auto said = messages(cancelled);
  ASSERT_EQ(roles(said), "user assistant");
  EXPECT_EQ(said[1].content, "half an ans");
  EXPECT_TRUE(said[1].interrupted);
  EXPECT_EQ(task(cancelled).output, "half an ans");
}

TEST_P(Invariants, AUsersRetryAddsNoSecondUserMessage) {
  const auto id = failed_task();
  must(retry_task{id, clock, {}});
  must(make_completion(claim_one()));
  EXPECT_EQ(roles(messages(id)), "user assistant");
}

// -- 6: tool calls -------------------------------------------------------------------

TEST_P(Invariants, ARestartFindsTheFinishedToolCalls) {
  const auto id = execute();
  const auto first = claim_one();
  must(make_intent(first, "call-1"));
  must(make_result(first, "call-1", R"("noon")"));
  must(make_retry(first, clock));
  const auto second = claim_one();
  EXPECT_TRUE(second.has_history);
  const auto items = messages(id);
  ASSERT_EQ(roles(items), "user assistant tool");
  EXPECT_EQ(items[1].tool_calls, (std::vector<tool_call>{{"call-1", "now", "{}"}}));
  EXPECT_EQ(items[2].call_id, "call-1");
  EXPECT_EQ(items[2].tool, "now");
  EXPECT_EQ(items[2].content, R"("noon")");
}

/// Ends a task that has one finished and one open tool call, and expects the open
/// one to have been given a result, in the thread and in the journal.
class ToolCallSealing : public store_fixture {
protected:
  uuid with_open_call() {
    const auto id = execute();
    claimed = claim_one();
    must(make_intent(claimed, "call-1"));
    must(make_result(claimed, "call-1", "1"));
    must(make_intent(claimed, "call-2"));
    return id;
  }

  void expect_sealed(const uuid& id) {
    const auto items = messages(id);
    ASSERT_EQ(roles(items), "user assistant tool assistant tool");
    EXPECT_EQ(items[4].call_id, "call-2");
    EXPECT_THAT(items[4].content, testing::HasSubstr("not finished"));
    EXPECT_THAT(data_of(id, event_type::chat_tool_result), testing::HasSubstr(R"("call_id":"call-2")"));
  }

  claimed_task claimed;
};
TROUPE_ON_EVERY_DATABASE(ToolCallSealing);

TEST_P(ToolCallSealing, HappensOnACancel) {
  const auto id = with_open_call();
  must(make_cancel(id));
  expect_sealed(id);
}

TEST_P(ToolCallSealing, HappensOnTheFinalFailure) {
  const auto id = with_open_call();
  must(make_failure(claimed));
  expect_sealed(id);
}

TEST_P(ToolCallSealing, HappensOnAFailureAfterALaterAttempt) {
  const auto id = with_open_call();
  must(make_retry(claimed, clock));
  must(make_failure(claim_one()));
  expect_sealed(id);
}

TEST_P(ToolCallSealing, HappensBetweenTwoAttempts) {
  const auto id = with_open_call();
  must(make_retry(claimed, clock + std::chrono::hours{1}));
  must(make_cancel(id));
  expect_sealed(id);
}

TEST_P(ToolCallSealing, HappensOnAStatusSetByHand) {
  const auto id = with_open_call();
  must(make_status(id, task_status::failed));
  expect_sealed(id);
}

TEST_P(ToolCallSealing, HappensWhenATaskIsLostTooOften) {
  const auto id = with_open_call();
  must(recover_tasks{0, clock, {}});
  expect_sealed(id);
}

TEST_P(ToolCallSealing, HappensOnADeletion) {
  const auto id = with_open_call();
  must(delete_task{id, clock});
  EXPECT_THAT(data_of(id, event_type::chat_tool_result), testing::HasSubstr(R"("call_id":"call-2")"));
}

TEST_P(ToolCallSealing, LeavesFinishedCallsAlone) {
  const auto id = execute();
  claimed = claim_one();
  must(make_intent(claimed, "call-1"));
  must(make_result(claimed, "call-1", "1"));
  must(make_cancel(id));
  EXPECT_EQ(roles(messages(id)), "user assistant tool");
}

// -- 7: usage ------------------------------------------------------------------------

TEST_P(Invariants, UsageOfEveryAttemptIsKeptAndSummed) {
  const auto id = execute();
  auto failure = make_retry(claim_one(), clock);
  failure.usage = {10, 1};
  must(failure);
  const auto second = claim_one();
  must(append_journal{fence_of(second), {}, {}, {20, 2}, {}, clock});
  must(release_tasks{{fence_of(second)}, "draining", clock});
  const auto third = claim_one();
  must(append_journal{fence_of(third), {}, {}, {40, 4}, {}, clock});
  must(recover_tasks{5, clock, {}});
  auto completion = make_completion(claim_one());
  completion.usage = {80, 8};
  must(completion);
  const auto all = attempts(id);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].usage, (token_usage{10, 1}));
  EXPECT_EQ(all[1].usage, (token_usage{20, 2}));
  EXPECT_EQ(all[2].usage, (token_usage{40, 4}));
  EXPECT_EQ(all[3].usage, (token_usage{80, 8}));
  EXPECT_EQ(task(id).usage, (token_usage{150, 15}));
  EXPECT_THAT(data_of(id, event_type::task_completed),
              testing::HasSubstr(R"("usage":{"input_tokens":150,"output_tokens":15})"));
}

TEST_P(Invariants, UsageOfACancelledAttemptIsWhatItHadReported) {
  const auto id = execute();
  const auto claimed = claim_one();
  must(append_journal{fence_of(claimed), {}, {}, {9, 4}, {}, clock});
  must(make_cancel(id));
  EXPECT_EQ(task(id).usage, (token_usage{9, 4}));
  EXPECT_EQ(attempts(id).at(0).usage, (token_usage{9, 4}));
}

TEST_P(Invariants, ARunningAttemptShowsItsUsageSoFar) {
  const auto id = execute();
  const auto claimed = claim_one();
  must(append_journal{fence_of(claimed), {}, {}, {9, 4}, {}, clock});
  EXPECT_EQ(attempts(id).at(0).usage, (token_usage{9, 4}));
  EXPECT_EQ(attempts(id).at(0).outcome, attempt_outcome::running);
  EXPECT_EQ(task(id).usage, token_usage{});
}

// -- 8: status -----------------------------------------------------------------------

TEST_P(Invariants, StatusMovesOnlyForward) {
  using enum task_status;
  for (const auto from : {pending, running, completed, failed, cancelled}) {
    for (const auto to : {pending, running, completed, failed, cancelled}) {
      const auto id = must(make_task()).task.id;
      if (from == failed || from == cancelled)
        must(make_status(id, from));
      else if (from != pending)
        must(make_status(id, running));
      if (from == completed)
        must(make_status(id, completed));
      ASSERT_EQ(status(id), from);
      const auto before = story(id);
      const auto answer = refused(make_status(id, to));
      EXPECT_EQ(answer, may_become(from, to) ? std::nullopt : std::optional{errc::illegal_transition})
        << to_string(from) << " to " << to_string(to);
      EXPECT_EQ(status(id), may_become(from, to) ? to : from);
      if (!may_become(from, to)) {
        EXPECT_EQ(story(id), before);
      }
    }
  }
}

TEST_P(Invariants, RunningSpansAllAttempts) {
  const auto id = execute();
  must(make_retry(claim_one(), clock + std::chrono::seconds{1}));
  EXPECT_EQ(status(id), task_status::running);
  advance(std::chrono::seconds{2});
  claim_one();
  EXPECT_EQ(status(id), task_status::running);
  EXPECT_EQ(task(id).attempt, 2);
}

TEST_P(Invariants, AUsersRetryIsANewRunAndSaysSo) {
  const auto id = failed_task();
  const auto again = must(retry_task{id, clock, {}}).task;
  EXPECT_EQ(again.status, task_status::pending);
  EXPECT_FALSE(again.error);
  EXPECT_FALSE(again.completed_at);
  EXPECT_THAT(data_of(id, event_type::task_queued), testing::HasSubstr(R"("retry":true)"));
  const auto claimed = claim_one();
  EXPECT_EQ(claimed.attempt, 2);
  EXPECT_EQ(claimed.charged, 0);
}

} // namespace
} // namespace troupe
