#include "store_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>

/// Approvals whose tasks end first, and the lists that people look at.
namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

/// A task that waits for one of its three calls: the first is approved, the second has a
/// result, the third nobody has decided.
class ApprovalEnds : public store_fixture {
protected:
  void SetUp() override {
    store_fixture::SetUp();
    id = execute();
    turn = execute(make_turn(id));
    claimed = claim_one();
    must(make_request(claimed, {"call_1", "call_2", "call_3"}, clock + 1h));
    must(make_decision(id, "call_1"));
    must(make_decision(id, "call_2"));
    must(make_result(claimed, "call_2", "1"));
    must(make_wait(claimed));
    advance(1s);
  }

  /// Whatever ended it: nothing is left open, and nothing can be decided any more.
  void expect_closed() {
    EXPECT_EQ(decisions(id), "call_1:approved call_2:approved call_3:closed");
    EXPECT_EQ(approvals(id).at(2).decided_at, clock);
    EXPECT_EQ(approvals(id).at(2).decided_by, "");
    const auto items = messages(id);
    EXPECT_EQ(roles(items), "user assistant tool tool tool");
    EXPECT_EQ(items.at(3).call_id, "call_1");
    EXPECT_EQ(items.at(4).call_id, "call_3");
    EXPECT_THAT(items.at(4).content, HasSubstr("not finished"));
    const auto before = story(id);
    EXPECT_EQ(refused(make_decision(id, "call_3")), errc::illegal_transition);
    EXPECT_EQ(refused(make_decision(id, "call_1", false)), errc::illegal_transition);
    EXPECT_EQ(story(id), before);
    EXPECT_EQ(task(id).waits_for, wait_reason::none);
    EXPECT_EQ(task(id).usage, (token_usage{4, 2}));
    expect_no_holes(id);
    const auto next = claim();
    ASSERT_EQ(next.size(), 1u);
    EXPECT_EQ(next[0].id, turn);
  }

  uuid id;
  uuid turn;
  claimed_task claimed;
};
TROUPE_ON_EVERY_DATABASE(ApprovalEnds);

TEST_P(ApprovalEnds, ACancelClosesWhatIsPending) {
  EXPECT_EQ(must(make_cancel(id)).task.status, task_status::cancelled);
  EXPECT_THAT(story(id), EndsWith("chat:tool_result chat:tool_result chat:tool_result task:cancelled"));
  expect_closed();
  EXPECT_EQ(attempts(id).size(), 1u);
  EXPECT_EQ(attempts(id).at(0).outcome, attempt_outcome::waiting);
}

TEST_P(ApprovalEnds, AFailureByHandClosesWhatIsPending) {
  EXPECT_EQ(must(make_status(id, task_status::failed)).task.status, task_status::failed);
  expect_closed();
}

TEST_P(ApprovalEnds, AFailureOfALaterAttemptClosesWhatIsPending) {
  must(make_decision(id, "call_3", false));
  advance(1s);
  claimed = claim_one();
  must(make_request(claimed, {"call_4"}, clock + 1h));
  must(make_failure(claimed));
  EXPECT_EQ(decisions(id), "call_1:approved call_2:approved call_3:rejected call_4:closed");
  EXPECT_EQ(refused(make_decision(id, "call_4")), errc::illegal_transition);
  EXPECT_EQ(roles(messages(id)), "user assistant tool assistant tool tool tool");
  expect_no_holes(id);
}

TEST_P(ApprovalEnds, ACompletionClosesWhatIsPending) {
  advance(1h);
  must(make_completion(claim_one()));
  expect_no_holes(id);
  EXPECT_EQ(decisions(id), "call_1:approved call_2:approved call_3:closed");
  EXPECT_EQ(refused(make_decision(id, "call_3")), errc::illegal_transition);
}

TEST_P(ApprovalEnds, ATaskThatIsLostTooOftenClosesWhatIsPending) {
  advance(1h);
  claim_one();
  EXPECT_EQ(must(recover_tasks{0, clock, {}}).failed, 1);
  expect_closed();
}

TEST_P(ApprovalEnds, ALostAttemptLeavesThemPending) {
  advance(1h);
  claim_one();
  EXPECT_EQ(must(recover_tasks{5, clock, {}}).requeued, 1);
  EXPECT_EQ(decisions(id), "call_1:approved call_2:approved call_3:pending");
  must(make_decision(id, "call_3"));
  EXPECT_EQ(claim_one().attempt, 3);
  expect_no_holes(id);
}

TEST_P(ApprovalEnds, AReleasedAttemptLeavesThemPending) {
  must(make_decision(id, "call_3"));
  claimed = claim_one();
  must(make_request(claimed, {"call_4"}, clock + 1h));
  must(release_tasks{{fence_of(claimed)}, "draining", clock});
  EXPECT_EQ(task(id).waits_for, wait_reason::none);
  EXPECT_EQ(decisions(id), "call_1:approved call_2:approved call_3:approved call_4:pending");
  EXPECT_EQ(claim_one().attempt, 3);
  must(make_decision(id, "call_4"));
  expect_no_holes(id);
}

TEST_P(ApprovalEnds, ADeletionTakesThemOffTheLists) {
  must(delete_task{id, clock});
  EXPECT_THAT(story(id), EndsWith("chat:tool_result chat:tool_result task:cancelled task:deleted"));
  EXPECT_EQ(refused(make_decision(id, "call_3")), errc::not_found);
  for (const auto state : {approval_state::pending, approval_state::approved, approval_state::closed})
    EXPECT_THAT(
      (value_of<page<approval_record, approval_place>>(reader->list_approvals("default", state, {}, 10))).items,
      IsEmpty());
  EXPECT_EQ(claim_one().id, turn);
  expect_no_holes(id);
}

TEST_P(ApprovalEnds, AnEndAndADecisionInOneBatchAreDoneInTheirOrder) {
  const auto result = writer->apply(std::vector<operation>{
    make_decision(id, "call_3"), make_cancel(id), make_decision(id, "call_3", false), make_decision(id, "call_3")});
  EXPECT_EQ(refusal(result.outcomes.at(0)), std::nullopt);
  EXPECT_EQ(refusal(result.outcomes.at(1)), std::nullopt);
  EXPECT_EQ(refusal(result.outcomes.at(2)), errc::illegal_transition);
  EXPECT_EQ(refusal(result.outcomes.at(3)), std::nullopt);
  EXPECT_EQ(decisions(id), "call_1:approved call_2:approved call_3:approved");
  expect_no_holes(id);
}

TEST_P(ApprovalEnds, ANewRunAsksAnew) {
  must(make_cancel(id));
  must(make_cancel(turn));
  must(retry_task{id, clock, {}});
  claimed = claim_one();
  // Also if it should give a call the name of an earlier one.
  advance(1min);
  must(make_request(claimed, {"call_3"}, clock + 2h));
  must(make_wait(claimed));
  EXPECT_EQ(last.next_due, clock + 2h);
  const auto again = approvals(id).back();
  EXPECT_EQ(again.call_id, "call_3");
  EXPECT_EQ(again.state, approval_state::pending);
  EXPECT_EQ(again.requested_at, clock);
  EXPECT_EQ(again.deadline, clock + 2h);
  EXPECT_FALSE(again.decided_at);
  must(make_decision(id, "call_3"));
  EXPECT_EQ(claim_one().id, id);
  expect_no_holes(id);
}

// -- lists ------------------------------------------------------------------------------

class ApprovalLists : public store_fixture {
protected:
  using approval_page = page<approval_record, approval_place>;

  uuid asking(const std::string& ns, const std::vector<std::string>& call_ids) {
    auto op = make_task();
    op.task.ns = ns;
    const auto id = execute(op);
    must(make_request(claim_one(), call_ids, clock + 1h));
    return id;
  }

  approval_page listed(const std::string& ns, approval_state state, const std::optional<approval_place>& after = {},
                       int limit = 100) {
    return value_of<approval_page>(reader->list_approvals(ns, state, after, limit));
  }
};
TROUPE_ON_EVERY_DATABASE(ApprovalLists);

TEST_P(ApprovalLists, ArePagedByTasksAndTheirCalls) {
  std::vector<std::pair<uuid, std::string>> expected;
  for (int i = 0; i < 4; ++i) {
    const auto id = asking("default", {"call_1", "call_2", "call_3"});
    for (const auto* call_id : {"call_1", "call_2", "call_3"})
      expected.emplace_back(id, call_id);
  }
  std::sort(expected.begin(), expected.end());
  for (const int limit : {1, 2, 5, 12, 13}) {
    std::vector<std::pair<uuid, std::string>> found;
    std::optional<approval_place> after;
    do {
      const auto part = listed("default", approval_state::pending, after, limit);
      ASSERT_LE(part.items.size(), static_cast<std::size_t>(limit));
      for (const auto& one : part.items)
        found.emplace_back(one.task_id, one.call_id);
      after = part.next;
      if (after) {
        EXPECT_EQ(std::pair(after->task_id, after->call_id), found.back());
      }
    } while (after);
    EXPECT_EQ(found, expected) << "in pages of " << limit;
  }
}

TEST_P(ApprovalLists, AreOfOneNamespaceAndOneState) {
  const auto here = asking("default", {"call_1", "call_2", "call_3"});
  const auto there = asking("team", {"call_1"});
  must(make_decision(here, "call_1"));
  must(make_decision(here, "call_2", false));
  const auto names = [&](const std::string& ns, approval_state state) {
    std::string text;
    for (const auto& one : listed(ns, state).items)
      text += (one.task_id == here ? "here/" : one.task_id == there ? "there/" : "?/") + one.call_id + ' ';
    return text;
  };
  EXPECT_EQ(names("default", approval_state::pending), "here/call_3 ");
  EXPECT_EQ(names("default", approval_state::approved), "here/call_1 ");
  EXPECT_EQ(names("default", approval_state::rejected), "here/call_2 ");
  EXPECT_EQ(names("default", approval_state::closed), "");
  EXPECT_EQ(names("team", approval_state::pending), "there/call_1 ");
  EXPECT_EQ(names("nowhere", approval_state::pending), "");
  must(make_cancel(here));
  EXPECT_EQ(names("default", approval_state::pending), "");
  EXPECT_EQ(names("default", approval_state::closed), "here/call_3 ");
}

} // namespace
} // namespace troupe
