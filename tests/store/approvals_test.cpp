#include "store_fixture.hpp"

#include <gmock/gmock.h>

/// Tool calls that a person has to allow: asked for, waited for, decided.
namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

class Approvals : public store_fixture {
protected:
  /// A task that waits until somebody decides, or for an hour.
  uuid waiting(const std::vector<std::string>& call_ids = {"call_1"}) {
    const auto id = execute();
    claimed = claim_one();
    must(make_request(claimed, call_ids, clock + 1h));
    must(make_wait(claimed));
    return id;
  }

  approval_record approval(const uuid& id) { return approvals(id).at(0); }

  claimed_task claimed;
};
TROUPE_ON_EVERY_DATABASE(Approvals);

// -- asking -----------------------------------------------------------------------------

TEST_P(Approvals, ARequestIsStoredWithItsIntentAndItsEntry) {
  const auto id = execute();
  claimed = claim_one();
  auto request = make_request(claimed, {"call_1"}, clock + 1h);
  request.approvals[0].approve_by_default = true;
  must(request);
  // One commit, to those who follow: the intent's place, the start of the call, the request.
  EXPECT_EQ(last.events.size(), 2u);
  EXPECT_THAT(story(id), EndsWith("chat:start chat:tool_start approval:requested"));
  const auto data = data_of(id, event_type::approval_requested);
  EXPECT_THAT(data, HasSubstr(R"("call_id":"call_1","tool":"send","args":{"to":"bob"})"));
  EXPECT_THAT(data, HasSubstr(R"("default":"approve")"));
  EXPECT_EQ(roles(messages(id)), "user assistant");
  const auto stored = approval(id);
  EXPECT_EQ(stored.task_id, id);
  EXPECT_EQ(stored.call_id, "call_1");
  EXPECT_EQ(stored.ns, "default");
  EXPECT_EQ(stored.created_by, "alice");
  EXPECT_EQ(stored.bot, "default");
  EXPECT_EQ(stored.tool, "send");
  EXPECT_EQ(stored.arguments, R"({"to":"bob"})");
  EXPECT_EQ(stored.state, approval_state::pending);
  EXPECT_FALSE(stored.edited);
  EXPECT_FALSE(stored.called);
  EXPECT_TRUE(stored.approve_by_default);
  EXPECT_EQ(stored.requested_at, clock);
  EXPECT_EQ(stored.deadline, clock + 1h);
  EXPECT_EQ(stored.decided_by, "");
  EXPECT_FALSE(stored.decided_at);
}

TEST_P(Approvals, ARequestOfAnAttemptThatIsOverLeavesNothingBehind) {
  const auto id = execute();
  claimed = claim_one();
  must(make_retry(claimed, clock));
  const auto before = story(id);
  EXPECT_EQ(refused(make_request(claimed, {"call_1"}, clock + 1h)), errc::fenced);
  EXPECT_EQ(story(id), before);
  EXPECT_THAT(approvals(id), IsEmpty());
  EXPECT_EQ(roles(messages(id)), "user");
}

TEST_P(Approvals, AreGivenInTheOrderOfTheirCalls) {
  std::vector<std::string> call_ids;
  for (int i = 1; i <= 11; ++i)
    call_ids.push_back("call_" + std::to_string(i));
  const auto id = waiting(call_ids);
  std::vector<std::string> found;
  for (const auto& one : approvals(id))
    found.push_back(one.call_id);
  EXPECT_EQ(found, call_ids);
}

TEST_P(Approvals, ACallThatBeginsIsMarked) {
  const auto id = waiting({"call_1", "call_2"});
  must(make_decision(id, "call_1"));
  must(make_decision(id, "call_2"));
  claimed = claim_one();
  append_journal begin;
  begin.fence = fence_of(claimed);
  begin.calls_begun = {"call_2", "no such call"};
  begin.at = clock;
  must(begin);
  EXPECT_FALSE(approvals(id).at(0).called);
  EXPECT_TRUE(approvals(id).at(1).called);
  EXPECT_EQ(decisions(id), "call_1:approved call_2:approved");
}

TEST_P(Approvals, ATaskThatIsNotThereHasNone) {
  EXPECT_THAT(approvals(make_uuid()), IsEmpty());
}

// -- waiting ----------------------------------------------------------------------------

TEST_P(Approvals, WaitingEndsTheAttemptAndFreesTheTask) {
  const auto id = execute();
  claimed = claim_one();
  must(make_request(claimed, {"call_1"}, clock + 1h));
  advance(1s);
  auto wait = make_wait(claimed);
  wait.events = {{event_type::chat_chunk, R"({"text":"one moment"})"}};
  must(wait);
  EXPECT_FALSE(last.work_ready);
  EXPECT_EQ(last.next_due, clock - 1s + 1h);
  EXPECT_THAT(story(id), EndsWith("approval:requested chat:chunk"));
  const auto attempt = attempts(id).at(0);
  EXPECT_EQ(attempts(id).size(), 1u);
  EXPECT_EQ(attempt.outcome, attempt_outcome::waiting);
  EXPECT_EQ(attempt.ended_at, clock);
  EXPECT_EQ(attempt.usage, (token_usage{4, 2}));
  EXPECT_FALSE(attempt.error);
  EXPECT_FALSE(attempt.error_kind);
  const auto stored = task(id);
  EXPECT_EQ(stored.status, task_status::running);
  EXPECT_TRUE(stored.queued);
  EXPECT_EQ(stored.node, "node-1");
  EXPECT_EQ(stored.usage, (token_usage{4, 2}));
  EXPECT_EQ(stored.updated_at, clock);
  EXPECT_EQ(queue_of().running, 0);
  EXPECT_EQ(queue_of().retrying, 1);
  EXPECT_THAT(claim(), IsEmpty());
  // Nobody holds it: nothing is lost when its node ends.
  EXPECT_EQ(must(recover_tasks{5, clock, {}}).requeued, 0);
  EXPECT_EQ(refused(make_completion(claimed)), errc::fenced);
}

TEST_P(Approvals, WaitingIsShownUntilTheNextAttempt) {
  const auto id = execute();
  claimed = claim_one();
  must(make_request(claimed, {"call_1"}, clock + 1h));
  EXPECT_EQ(task(id).waits_for, wait_reason::none);
  must(make_wait(claimed));
  const auto listed = [&] {
    task_filter running;
    running.ns = "default";
    running.status = task_status::running;
    return value_of<page<task_record, uuid>>(reader->list_tasks(running, {}, 10)).items.at(0).waits_for;
  };
  EXPECT_EQ(task(id).waits_for, wait_reason::approval);
  EXPECT_EQ(listed(), wait_reason::approval);
  EXPECT_EQ(must(enqueue_task{id, {}, {}, clock, {}}).task.waits_for, wait_reason::approval);
  must(make_decision(id, "call_1"));
  EXPECT_EQ(task(id).waits_for, wait_reason::approval);
  claimed = claim_one();
  EXPECT_EQ(task(id).waits_for, wait_reason::none);
  EXPECT_EQ(listed(), wait_reason::none);
  EXPECT_EQ(must(enqueue_task{id, {}, {}, clock, {}}).task.waits_for, wait_reason::none);
  // Neither does it come back with a wait of another kind.
  must(make_retry(claimed, clock + 1h));
  EXPECT_EQ(task(id).waits_for, wait_reason::none);
}

TEST_P(Approvals, WaitingKeepsTheThread) {
  const auto root = waiting();
  const auto turn = execute(make_turn(root));
  EXPECT_EQ(queue_of().blocked, 1);
  EXPECT_THAT(claim(), IsEmpty());
  must(make_decision(root, "call_1"));
  claimed = claim_one();
  EXPECT_EQ(claimed.id, root);
  EXPECT_THAT(claim(), IsEmpty());
  must(make_completion(claimed));
  EXPECT_EQ(claim_one().id, turn);
}

TEST_P(Approvals, WaitingCostsTheRestartPolicyNothing) {
  const auto id = execute();
  must(make_retry(claim_one(), clock));
  auto throttled = make_retry(claim_one(), clock);
  throttled.charge = false;
  must(throttled);
  for (int i = 1; i <= 3; ++i) {
    claimed = claim_one();
    const auto call_id = "call_" + std::to_string(i);
    must(make_request(claimed, {call_id}, clock + 1h));
    must(make_wait(claimed));
    must(make_decision(id, call_id));
  }
  claimed = claim_one();
  EXPECT_EQ(claimed.attempt, 6);
  EXPECT_EQ(claimed.charged, 1);
  EXPECT_EQ(claimed.throttled, 1);
  EXPECT_TRUE(claimed.has_history);
}

TEST_P(Approvals, AWaitOfAnAttemptThatIsOverChangesNothing) {
  const auto id = execute();
  const auto first = claim_one();
  must(make_request(first, {"call_1"}, clock + 1h));
  must(make_retry(first, clock));
  claimed = claim_one();
  const auto before = story(id);
  EXPECT_EQ(refused(make_wait(first)), errc::fenced);
  auto foreign = make_wait(claimed);
  foreign.fence.owner = make_uuid();
  EXPECT_EQ(refused(foreign), errc::fenced);
  EXPECT_EQ(story(id), before);
  EXPECT_EQ(task(id).waits_for, wait_reason::none);
  EXPECT_EQ(attempts(id).at(1).outcome, attempt_outcome::running);
  EXPECT_EQ(refused(make_completion(claimed)), std::nullopt);
  EXPECT_EQ(refused(make_wait(claimed)), errc::fenced);
}

// -- waking -----------------------------------------------------------------------------

TEST_P(Approvals, ADecisionWakesTheTaskWhenNothingElseIsPending) {
  const auto id = waiting({"call_1", "call_2"});
  must(make_decision(id, "call_1"));
  EXPECT_FALSE(last.work_ready);
  EXPECT_THAT(claim(), IsEmpty());
  must(make_decision(id, "call_2", false));
  EXPECT_TRUE(last.work_ready);
  claimed = claim_one();
  EXPECT_EQ(claimed.id, id);
  EXPECT_EQ(claimed.attempt, 2);
  EXPECT_TRUE(claimed.has_history);
  must(make_completion(claimed));
  expect_no_holes(id);
}

TEST_P(Approvals, TheFirstDeadlineWakesTheTask) {
  const auto id = execute();
  claimed = claim_one();
  auto request = make_request(claimed, {"call_1", "call_2"}, clock + 2h);
  request.approvals[1].deadline = clock + 1h;
  must(request);
  must(make_wait(claimed));
  EXPECT_EQ(last.next_due, clock + 1h);
  advance(1h - 1us);
  EXPECT_THAT(claim(), IsEmpty());
  advance(1us);
  claimed = claim_one();
  EXPECT_EQ(claimed.id, id);
  // Whoever goes on says what the deadline has decided.
  auto overdue = make_decision(id, "call_2", false);
  overdue.decided_by = "deadline";
  must(overdue);
  EXPECT_EQ(decisions(id), "call_1:pending call_2:rejected");
  must(make_wait(claimed));
  advance(1h);
  EXPECT_EQ(claim_one().id, id);
  EXPECT_EQ(decisions(id), "call_1:pending call_2:rejected");
  expect_no_holes(id);
}

TEST_P(Approvals, ADecisionBeforeTheWaitPutsTheTaskBackAtOnce) {
  const auto id = execute();
  claimed = claim_one();
  must(make_request(claimed, {"call_1"}, clock + 1h));
  must(make_decision(id, "call_1"));
  // The attempt goes on undisturbed.
  must(make_intent(claimed, "call_2"));
  must(make_wait(claimed));
  EXPECT_TRUE(last.work_ready);
  EXPECT_EQ(task(id).waits_for, wait_reason::none);
  EXPECT_EQ(attempts(id).at(0).outcome, attempt_outcome::waiting);
  EXPECT_EQ(claim_one().id, id);
  EXPECT_THAT(story(id), HasSubstr("approval:requested approval:decided chat:tool_start task:started"));
  expect_no_holes(id);
}

TEST_P(Approvals, ADecisionDoesNotCutShortAWaitOfAnotherKind) {
  const auto id = execute();
  claimed = claim_one();
  must(make_request(claimed, {"call_1"}, clock + 1h));
  must(make_retry(claimed, clock + 1min));
  must(make_decision(id, "call_1"));
  EXPECT_FALSE(last.work_ready);
  EXPECT_THAT(claim(), IsEmpty());
  advance(1min);
  EXPECT_EQ(claim_one().id, id);
  expect_no_holes(id);
}

TEST_P(Approvals, AllOfItMayHappenInOneBatch) {
  const auto id = execute();
  claimed = claim_one();
  const auto request = make_request(claimed, {"call_1"}, clock + 1h);
  const std::vector<operation> batch{request, make_wait(claimed), make_decision(id, "call_1"),
                                     claim_tasks{owner, "node-2", 10, clock}};
  const auto result = writer->apply(batch);
  const auto tasks = value_of<claimed_tasks>(outcome{result.outcomes.at(3)}).tasks;
  ASSERT_EQ(tasks.size(), 1u);
  EXPECT_EQ(tasks[0].attempt, 2);
  EXPECT_TRUE(tasks[0].has_history);
  EXPECT_EQ(decisions(id), "call_1:approved");
  EXPECT_EQ(task(id).waits_for, wait_reason::none);
  must(make_completion(tasks[0]));
  EXPECT_EQ(story(id), "task:created task:queued task:started chat:start chat:tool_start approval:requested "
                       "approval:decided task:started chat:start chat:tool_result task:completed");
  expect_no_holes(id);
}

// -- deciding ---------------------------------------------------------------------------

TEST_P(Approvals, ADecisionIsKeptAndTold) {
  const auto id = waiting();
  advance(1min);
  auto decision = make_decision(id, "call_1", false);
  decision.reason = "not \"bob\"";
  const auto answer = must(decision).approval;
  for (const auto& one : {answer, approval(id)}) {
    EXPECT_EQ(one.task_id, id);
    EXPECT_EQ(one.state, approval_state::rejected);
    EXPECT_EQ(one.decided_by, "carol");
    EXPECT_EQ(one.reason, "not \"bob\"");
    EXPECT_EQ(one.decided_at, clock);
    EXPECT_EQ(one.requested_at, clock - 1min);
    EXPECT_FALSE(one.edited);
  }
  EXPECT_THAT(story(id), EndsWith("approval:decided"));
  EXPECT_EQ(data_of(id, event_type::approval_decided),
            R"({"call_id":"call_1","tool":"send","decision":"rejected","decided_by":"carol","reason":"not \"bob\""})");
}

TEST_P(Approvals, ArgumentsMayBeEdited) {
  const auto id = waiting();
  auto decision = make_decision(id, "call_1");
  decision.arguments = R"({"to":"dave"})";
  EXPECT_EQ(must(decision).approval.arguments, decision.arguments);
  EXPECT_EQ(approval(id).arguments, decision.arguments);
  EXPECT_TRUE(approval(id).edited);
  EXPECT_THAT(data_of(id, event_type::approval_decided), HasSubstr(R"("args":{"to":"dave"})"));
  // The intent stays what the model wanted.
  EXPECT_EQ(messages(id).at(1).tool_calls.at(0).arguments, R"({"to":"bob"})");
  const auto before = story(id);
  must(decision);
  decision.arguments = R"({"to":"eve"})";
  EXPECT_EQ(refused(decision), errc::illegal_transition);
  EXPECT_EQ(approval(id).arguments, R"({"to":"dave"})");
  EXPECT_EQ(story(id), before);
}

TEST_P(Approvals, ADecisionIsFinal) {
  const auto id = waiting();
  must(make_decision(id, "call_1"));
  const auto decided_at = clock;
  const auto before = story(id);
  advance(1s);
  auto again = make_decision(id, "call_1");
  again.decided_by = "dave";
  EXPECT_EQ(must(again).approval.decided_by, "carol");
  EXPECT_TRUE(last.events.empty());
  EXPECT_EQ(refused(make_decision(id, "call_1", false)), errc::illegal_transition);
  EXPECT_EQ(approval(id).state, approval_state::approved);
  EXPECT_EQ(approval(id).decided_at, decided_at);
  EXPECT_EQ(story(id), before);
  EXPECT_EQ(claim().size(), 1u);
}

TEST_P(Approvals, TwoDecisionsInOneBatchAreOneAndARefusal) {
  const auto id = waiting();
  const auto result = writer->apply(std::vector<operation>{
    make_decision(id, "call_1"), make_decision(id, "call_1", false), make_decision(id, "call_1")});
  EXPECT_EQ(refusal(result.outcomes.at(0)), std::nullopt);
  EXPECT_EQ(refusal(result.outcomes.at(1)), errc::illegal_transition);
  EXPECT_EQ(refusal(result.outcomes.at(2)), std::nullopt);
  EXPECT_EQ(result.events.size(), 1u);
  EXPECT_EQ(decisions(id), "call_1:approved");
}

TEST_P(Approvals, WhatWasNeverAskedForIsNotFound) {
  const auto id = waiting();
  EXPECT_EQ(refused(make_decision(id, "call_9")), errc::not_found);
  EXPECT_EQ(refused(make_decision(make_uuid(), "call_1")), errc::not_found);
  EXPECT_EQ(refused(make_decision(completed_task(), "call_1")), errc::not_found);
  EXPECT_EQ(decisions(id), "call_1:pending");
}

} // namespace
} // namespace troupe
