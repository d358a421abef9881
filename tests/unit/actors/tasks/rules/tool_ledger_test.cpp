#include "actors/tasks/rules/tool_ledger.hpp"

#include <gmock/gmock.h>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const auto noon = *parse_rfc3339("2026-11-30T12:00:00Z");

tool_call call_of(std::string tool, std::string id = "call_1") {
  tool_call call;
  call.call_id = std::move(id);
  call.tool = std::move(tool);
  call.arguments = R"({"by":"model"})";
  return call;
}

approval_record approval_of(std::string id, approval_state state) {
  approval_record approval;
  approval.call_id = std::move(id);
  approval.state = state;
  approval.arguments = R"({"by":"person"})";
  approval.deadline = noon + 1h;
  return approval;
}

/// `free` and `risky` of HTTP, of which the second needs a person; `once`, which is never
/// repeated; `now`, which is built in.
toolbox make_tools() {
  toolbox tools;
  const auto add = [&](const std::string& name) -> tool_record& {
    auto& tool = tools.routes[name].tool;
    tool.name = name;
    tool.type = tool_kind::http;
    return tool;
  };
  add("free");
  auto& risky = add("risky");
  risky.requires_approval = true;
  risky.approval_timeout = 90s;
  risky.approve_by_default = true;
  add("once").repeat = repeat_rule::never;
  add("now").type = tool_kind::builtin;
  return tools;
}

message_record message_of(const uuid& task, std::vector<tool_call> calls) {
  message_record message;
  message.task_id = task;
  message.role = message_role::assistant;
  message.tool_calls = std::move(calls);
  return message;
}

message_record result_of(const uuid& task, std::string id) {
  message_record message;
  message.task_id = task;
  message.role = message_role::tool;
  message.call_id = std::move(id);
  return message;
}

std::vector<std::string> ids_of(const std::vector<tool_call>& calls) {
  std::vector<std::string> ids;
  for (const auto& call : calls)
    ids.push_back(call.call_id);
  return ids;
}

class ToolLedger : public testing::Test {
protected:
  call_fate fate(const std::string& tool, const approval_record* approval = nullptr) const {
    return fate_of(call_of(tool), approval, tools_.find(tool), noon);
  }
  ledger_entries enter(std::vector<tool_call> calls, const std::map<std::size_t, std::string>& refused = {}) {
    return ledger_.enter(std::move(calls), refused, &tools_, noon);
  }
  template <class State>
  bool stands_at() const {
    return std::holds_alternative<State>(ledger_.state());
  }

  const toolbox tools_ = make_tools();
  tool_ledger ledger_;
};

} // namespace

// -- what becomes of a call ---------------------------------------------------------

TEST_F(ToolLedger, ACallWhoseResultWasLostIsMadeAgain) {
  for (const auto* tool : {"free", "now", "gone"}) {
    const auto made = std::get<make_call>(fate(tool));
    EXPECT_EQ(made.call.arguments, R"({"by":"model"})");
    EXPECT_FALSE(made.is_first);
  }
}

TEST_F(ToolLedger, ACallThatMayNotBeRepeatedHasAnUnknownOutcome) {
  EXPECT_THAT(std::get<answer_call>(fate("once")).content, HasSubstr("is unknown"));
  auto allowed = approval_of("call_1", approval_state::approved);
  allowed.called = true;
  EXPECT_THAT(std::get<answer_call>(fate("once", &allowed)).content, HasSubstr("is unknown"));
}

TEST_F(ToolLedger, ACallThatNeedsAPersonByNowIsNotMadeAgain) {
  EXPECT_THAT(std::get<answer_call>(fate("risky")).content, HasSubstr("by now a person has to allow it"));
}

TEST_F(ToolLedger, APendingCallWaitsUntilItsDeadline) {
  auto pending = approval_of("call_1", approval_state::pending);
  EXPECT_TRUE(std::holds_alternative<await_person>(fate("risky", &pending)));
  pending.deadline = noon + 1us;
  EXPECT_TRUE(std::holds_alternative<await_person>(fate("risky", &pending)));
  pending.deadline = noon;
  EXPECT_TRUE(std::holds_alternative<decide_overdue>(fate("risky", &pending)));
}

TEST_F(ToolLedger, AnAllowedCallIsMadeAsThePersonHasAllowedIt) {
  auto allowed = approval_of("call_1", approval_state::approved);
  const auto first = std::get<make_call>(fate("risky", &allowed));
  EXPECT_TRUE(first.is_first);
  EXPECT_EQ(first.call.arguments, R"({"by":"person"})");
  allowed.called = true;
  const auto again = std::get<make_call>(fate("risky", &allowed));
  EXPECT_FALSE(again.is_first);
  EXPECT_EQ(again.call.arguments, R"({"by":"person"})");
}

TEST_F(ToolLedger, AnAllowedCallIsBegunEvenIfItMayNotBeRepeated) {
  const auto allowed = approval_of("call_1", approval_state::approved);
  EXPECT_TRUE(std::get<make_call>(fate("once", &allowed)).is_first);
}

TEST_F(ToolLedger, ARejectedCallIsToldToTheModelWithItsReason) {
  auto rejected = approval_of("call_1", approval_state::rejected);
  EXPECT_EQ(std::get<answer_call>(fate("risky", &rejected)).content, R"({"error":"A person has rejected this call."})");
  rejected.reason = "too dear";
  EXPECT_EQ(std::get<answer_call>(fate("risky", &rejected)).content,
            R"({"error":"A person has rejected this call.","reason":"too dear"})");
  rejected.state = approval_state::closed;
  EXPECT_TRUE(std::holds_alternative<answer_call>(fate("risky", &rejected)));
}

// -- whether a failed call is made again --------------------------------------------

TEST_F(ToolLedger, AFailedCallIsMadeAgainOnlyIfItsFailureMayPass) {
  const auto& tool = tools_.find("free")->tool;
  EXPECT_TRUE(is_made_again(tool, error_class::transient, {}, {}));
  EXPECT_TRUE(is_made_again(tool, error_class::throttled, {}, {}));
  EXPECT_FALSE(is_made_again(tool, std::nullopt, {}, {}));
  EXPECT_FALSE(is_made_again(tool, error_class::permanent, {}, {}));
  EXPECT_FALSE(is_made_again(tools_.find("once")->tool, error_class::transient, {}, {}));
}

TEST_F(ToolLedger, AFailedCallIsMadeAgainAsLongAsThePolicyAllowsAnotherAttempt) {
  const auto& tool = tools_.find("free")->tool;
  restart_policy policy;
  policy.max_attempts = 3;
  EXPECT_TRUE(is_made_again(tool, error_class::transient, policy, {1, 0}));
  EXPECT_FALSE(is_made_again(tool, error_class::transient, policy, {2, 0}));
  EXPECT_TRUE(is_made_again(tool, error_class::throttled, policy, {2, max_throttled_waits - 1}));
  // Past its bound throttling is charged, as everywhere else.
  EXPECT_TRUE(is_made_again(tool, error_class::throttled, policy, {1, max_throttled_waits}));
  EXPECT_FALSE(is_made_again(tool, error_class::throttled, policy, {2, max_throttled_waits}));
}

// -- the history ----------------------------------------------------------------------

TEST_F(ToolLedger, ReadsWhichCallsHaveNoResult) {
  const auto task = make_uuid();
  const std::vector<message_record> history{message_of(task, {call_of("free", "call_1"), call_of("risky", "call_2")}),
                                            result_of(task, "call_1"), result_of(task, "call_2"),
                                            message_of(task, {call_of("free", "call_3"), call_of("now", "call_4")}),
                                            result_of(task, "call_4")};
  EXPECT_THAT(ids_of(ledger_.read(history, task)), ElementsAre("call_3"));
  EXPECT_THAT(ids_of(enter({call_of("free")}).calls), ElementsAre("call_5")) << "numbered on";
}

TEST_F(ToolLedger, CallsOfOtherTasksAreNotItsOwn) {
  const auto task = make_uuid();
  const auto other = make_uuid();
  const std::vector<message_record> history{message_of(other, {call_of("free", "call_1")}),
                                            message_of(task, {call_of("free", "call_1")}), result_of(other, "call_1")};
  EXPECT_THAT(ids_of(ledger_.read(history, task)), ElementsAre("call_1"));
  EXPECT_THAT(ids_of(enter({call_of("free")}).calls), ElementsAre("call_2"));
}

// -- a turn of the model ----------------------------------------------------------------

TEST_F(ToolLedger, NumbersCallsWhateverTheProviderCalledThem) {
  const auto entries = enter({call_of("free", "abc"), call_of("free", "abc")});
  EXPECT_THAT(ids_of(entries.calls), ElementsAre("call_1", "call_2"));
  EXPECT_THAT(ids_of(entries.to_make), ElementsAre("call_1", "call_2"));
  EXPECT_TRUE(stands_at<calls_open>());
}

TEST_F(ToolLedger, AsksAPersonForWhatNeedsOne) {
  const auto entries = enter({call_of("free"), call_of("risky")});
  EXPECT_THAT(ids_of(entries.to_make), ElementsAre("call_1"));
  ASSERT_EQ(entries.approvals.size(), 1U);
  const auto& asked = entries.approvals.front();
  EXPECT_EQ(asked.call_id, "call_2");
  EXPECT_EQ(asked.tool, "risky");
  EXPECT_EQ(asked.arguments, R"({"by":"model"})");
  EXPECT_EQ(asked.deadline, noon + 90s);
  EXPECT_TRUE(asked.approve_by_default);
}

TEST_F(ToolLedger, ARefusedCallIsAnsweredWithItsIntentAndAsksNobody) {
  const auto entries = enter({call_of("risky"), call_of("free")}, {{0, "It is cut off."}});
  EXPECT_THAT(entries.approvals, IsEmpty());
  ASSERT_EQ(entries.refusals.size(), 1U);
  EXPECT_EQ(entries.refusals.front().first.call_id, "call_1");
  EXPECT_THAT(entries.refusals.front().second, HasSubstr("It is cut off."));
  EXPECT_THAT(ids_of(entries.to_make), ElementsAre("call_2"));
  std::vector<event_type> story;
  for (const auto& event : entries.events)
    story.push_back(event.type);
  EXPECT_THAT(story,
              ElementsAre(event_type::chat_tool_start, event_type::chat_tool_result, event_type::chat_tool_start));
}

TEST_F(ToolLedger, ACallOfAToolThatThereIsNotIsMadeToSaySo) {
  EXPECT_THAT(ids_of(enter({call_of("gone")}).to_make), ElementsAre("call_1"));
  EXPECT_THAT(ids_of(ledger_.enter({call_of("risky")}, {}, nullptr, noon).to_make), ElementsAre("call_2"));
}

// -- going on with what was asked for before ----------------------------------------------

TEST_F(ToolLedger, PlansEachCallOfATurnByWhatIsKnownOfIt) {
  const std::vector<tool_call> calls{call_of("free", "call_1"), call_of("risky", "call_2"), call_of("risky", "call_3"),
                                     call_of("risky", "call_4"), call_of("once", "call_5")};
  const std::vector<approval_record> approvals{approval_of("call_4", approval_state::pending),
                                               approval_of("call_2", approval_state::approved),
                                               approval_of("call_3", approval_state::rejected)};
  const auto plan = ledger_.take_up(calls, approvals, &tools_, noon);
  EXPECT_THAT(ids_of(plan.to_make), ElementsAre("call_1", "call_2"));
  EXPECT_EQ(plan.to_make.at(1).arguments, R"({"by":"person"})");
  EXPECT_THAT(plan.begun, ElementsAre("call_2"));
  ASSERT_EQ(plan.answers.size(), 2U);
  EXPECT_EQ(plan.answers.at(0).first.call_id, "call_3");
  EXPECT_EQ(plan.answers.at(1).first.call_id, "call_5");
  EXPECT_FALSE(plan.overdue);
  EXPECT_TRUE(stands_at<calls_open>());
  ledger_.settle(4);
  EXPECT_EQ(std::get<calls_awaited>(ledger_.state()).count, 1U);
}

TEST_F(ToolLedger, DoesNothingBeforeADeadlineHasDecided) {
  auto overdue = approval_of("call_2", approval_state::pending);
  overdue.deadline = noon - 1s;
  const std::vector<tool_call> calls{call_of("free", "call_1"), call_of("risky", "call_2")};
  auto plan = ledger_.take_up(calls, {overdue}, &tools_, noon);
  ASSERT_TRUE(plan.overdue);
  EXPECT_EQ(plan.overdue->call_id, "call_2");
  EXPECT_THAT(plan.to_make, IsEmpty());
  overdue.state = approval_state::approved;
  plan = ledger_.take_up(calls, {overdue}, &tools_, noon);
  EXPECT_THAT(ids_of(plan.to_make), ElementsAre("call_1", "call_2"));
}

// -- where a turn's calls stand ---------------------------------------------------------------

TEST_F(ToolLedger, TheModelIsAskedAgainBehindTheLastResult) {
  EXPECT_TRUE(stands_at<calls_settled>());
  enter({call_of("free"), call_of("free"), call_of("now")});
  ledger_.settle(1);
  EXPECT_TRUE(stands_at<calls_open>());
  ledger_.settle(2);
  EXPECT_TRUE(stands_at<calls_settled>());
}

TEST_F(ToolLedger, APersonIsAwaitedOnceTheOtherCallsAreDone) {
  enter({call_of("risky"), call_of("free"), call_of("risky")});
  EXPECT_TRUE(stands_at<calls_open>());
  ledger_.settle(1);
  EXPECT_EQ(std::get<calls_awaited>(ledger_.state()).count, 2U);
}

TEST_F(ToolLedger, AFailureEndsTheAttemptOnceTheOtherCallsAreDone) {
  enter({call_of("free"), call_of("free"), call_of("risky")});
  ledger_.fail({error_class::throttled, "Not now.", 7s});
  EXPECT_TRUE(stands_at<calls_open>());
  ledger_.settle(1);
  const auto failed = std::get<calls_failed>(ledger_.state());
  EXPECT_EQ(failed.failure.error, "Not now.")
    << "before a person is awaited: the call comes again with the next attempt";
  EXPECT_EQ(failed.failure.retry_after, 7s);
}

} // namespace troupe
