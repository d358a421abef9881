#include "tests/actors/remote_tools_fixture.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class Approvals : public remote_tools_fixture {
protected:
  void SetUp() override {
    remote_tools_fixture::SetUp();
    put_bot_named("clerk", [](auto& bot) {
      bot.model = "gpt";
      auto pay = http_tool_named("pay");
      pay.requires_approval = true;
      pay.approval_timeout = 1h;
      bot.tools = {pay, http_tool_named("book")};
    });
  }

  approval_result decide(const uuid& id, bool approve, std::optional<std::string> arguments = std::nullopt,
                         std::string call_id = "call_1") {
    decide_approval op;
    op.task_id = id;
    op.call_id = std::move(call_id);
    op.approve = approve;
    op.arguments = std::move(arguments);
    op.decided_by = "ada";
    op.reason = "because";
    op.at = wall_clock();
    return value_of(ask_writer(std::move(op)));
  }

  /// A task that waits for a person.
  uuid waiting_task() {
    const auto id = ask_clerk("Pay it");
    outbound_->call_tools(0, {{"pay", R"({"amount":7})"}});
    run();
    return id;
  }
};

} // namespace

TEST_F(Approvals, ATaskThatWaitsForAPersonIsNowhereInMemory) {
  const auto id = waiting_task();
  EXPECT_EQ(outbound_->calls.size(), 1U);
  EXPECT_EQ(load().running, 0);
  EXPECT_EQ(task(id).status, task_status::running);
  EXPECT_EQ(task(id).waits_for, wait_reason::approval);
  EXPECT_EQ(outcomes(id), "waiting");
  EXPECT_THAT(data_of(id, event_type::approval_requested), HasSubstr(R"("tool":"pay","args":{"amount":7})"));
}

TEST_F(Approvals, ACallFromBeforeItNeededOneIsNotMadeAgain) {
  const auto id = ask_clerk();
  outbound_->call_tools(0, {{"book", "{}"}});
  run();
  ASSERT_EQ(outbound_->calls.size(), 2U);
  put_bot_named("clerk", [](auto& bot) {
    bot.model = "gpt";
    bot.tools = {http_tool_named("book")};
    bot.tools[0].requires_approval = true;
  });
  lose_supervisor();
  ASSERT_EQ(outbound_->calls.size(), 3U);
  EXPECT_THAT(call(2).request.url, HasSubstr("provider.test"));
  ASSERT_EQ(results(id).size(), 1U);
  EXPECT_THAT(results(id)[0], HasSubstr("a person has to allow it"));
}

// A person had allowed another amount than the model's, which the repeat asked for again under the same key.
TEST_F(Approvals, ACallThatIsMadeAgainIsTheOneThatWasAllowed) {
  const auto id = waiting_task();
  decide(id, true, R"({"amount":5})");
  ASSERT_EQ(outbound_->calls.size(), 2U);
  EXPECT_EQ(call(1).request.body, R"({"amount":5})");
  outbound_->answer(1, 500, "");
  run();
  advance(1s);
  ASSERT_EQ(outbound_->calls.size(), 3U);
  EXPECT_EQ(call(2).request.body, R"({"amount":5})");
  EXPECT_EQ(header(call(2), "Idempotency-Key"), header(call(1), "Idempotency-Key"));
  outbound_->fail(2, outbound_errc::cut_off);
  run();
  lose_supervisor();
  advance(2s);
  ASSERT_EQ(outbound_->calls.size(), 4U);
  EXPECT_EQ(call(3).request.body, R"({"amount":5})");
}

// The model was asked again as soon as the rejection was stored, while the other call was under way.
TEST_F(Approvals, OfTwoCallsTheModelIsToldTogetherWhateverWasDecided) {
  for (const bool first : {true, false}) {
    const auto begin = outbound_->calls.size();
    const auto id = ask_clerk("Pay both");
    outbound_->call_tools(begin, {{"pay", R"({"amount":7})"}, {"pay", R"({"amount":8})"}});
    run();
    decide(id, first, std::nullopt, "call_1");
    decide(id, !first, std::nullopt, "call_2");
    run();
    ASSERT_EQ(outbound_->calls.size(), begin + 2);
    EXPECT_THAT(call(begin + 1).request.url, HasSubstr("tools.test"));
    outbound_->answer(begin + 1, 200, R"({"paid":true})");
    run();
    ASSERT_EQ(outbound_->calls.size(), begin + 3);
    const auto messages = nlohmann::json::parse(call(begin + 2).request.body)["messages"];
    EXPECT_THAT(messages[first ? 2 : 3]["content"].get<std::string>(), HasSubstr("paid"));
    EXPECT_THAT(messages[first ? 3 : 2]["content"].get<std::string>(), HasSubstr("rejected"));
    outbound_->reply(begin + 2, "One of them.");
    run();
    EXPECT_EQ(status(id), task_status::completed);
    EXPECT_EQ(results(id).size(), 2U);
    expect_sound_journal(id);
  }
}

// Their arguments do not fit on one page of approvals.
TEST_F(Approvals, AllOfATurnsDecisionsCountHoweverLongTheirArgumentsAre) {
  const auto id = ask_clerk("Pay all");
  const auto note = std::string(400'000, 'n');
  const auto arguments
    = [&](int amount) { return R"({"amount":)" + std::to_string(amount) + R"(,"note":")" + note + "\"}"; };
  outbound_->call_tools(0, {{"pay", "{}"}, {"pay", "{}"}, {"pay", "{}"}, {"pay", "{}"}});
  run();
  for (int i = 1; i <= 4; ++i)
    decide(id, true, arguments(i), "call_" + std::to_string(i));
  run();
  ASSERT_EQ(outbound_->calls.size(), 5U);
  for (std::size_t i = 1; i <= 4; ++i)
    EXPECT_EQ(call(i).request.body, arguments(static_cast<int>(i)));
}

TEST_F(Approvals, AnApprovedCallIsMade) {
  const auto id = waiting_task();
  decide(id, true);
  ASSERT_EQ(outbound_->calls.size(), 2U);
  EXPECT_EQ(call(1).request.body, R"({"amount":7})");
  outbound_->answer(1, 200, "1");
  run();
  outbound_->reply(2, "Paid.");
  run();
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(outcomes(id), "waiting completed");
  EXPECT_THAT(data_of(id, event_type::approval_decided), HasSubstr(R"("decision":"approved","decided_by":"ada")"));
  expect_sound_journal(id);
}

TEST_F(Approvals, EditedArgumentsTakeThePlaceOfTheModels) {
  const auto id = waiting_task();
  decide(id, true, R"({"amount":5})");
  ASSERT_EQ(outbound_->calls.size(), 2U);
  EXPECT_EQ(call(1).request.body, R"({"amount":5})");
}

TEST_F(Approvals, ARejectedCallIsToldToTheModel) {
  const auto id = waiting_task();
  decide(id, false);
  ASSERT_EQ(outbound_->calls.size(), 2U);
  EXPECT_THAT(results(id).front(), HasSubstr("rejected"));
  EXPECT_THAT(results(id).front(), HasSubstr("because"));
  outbound_->reply(1, "Not paid.");
  run();
  EXPECT_EQ(status(id), task_status::completed);
}

TEST_F(Approvals, TheDeadlineDecidesByTheDefault) {
  const auto id = waiting_task();
  advance(59min);
  EXPECT_EQ(outbound_->calls.size(), 1U);
  advance(2min);
  ASSERT_EQ(outbound_->calls.size(), 2U);
  EXPECT_THAT(results(id).front(), HasSubstr("rejected"));
  EXPECT_THAT(data_of(id, event_type::approval_decided), HasSubstr(R"("decided_by":"deadline")"));
}

TEST_F(Approvals, OtherCallsOfTheTurnAreMadeMeanwhile) {
  const auto id = ask_clerk("Pay it");
  outbound_->call_tools(0, {{"pay", "{}"}, {"book", "{}"}});
  run();
  ASSERT_EQ(outbound_->calls.size(), 2U);
  EXPECT_THAT(call(1).request.url, HasSubstr("book"));
  outbound_->answer(1, 200, "1");
  run();
  EXPECT_EQ(load().running, 0);
  decide(id, true);
  ASSERT_EQ(outbound_->calls.size(), 3U);
  EXPECT_THAT(call(2).request.url, HasSubstr("pay"));
}

TEST_F(Approvals, ADecisionThatComesBeforeTheAttemptHasEndedIsNotLost) {
  const auto id = ask_clerk("Pay it");
  outbound_->call_tools(0, {{"pay", "{}"}, {"book", "{}"}});
  run();
  decide(id, true);
  EXPECT_EQ(outbound_->calls.size(), 2U);
  outbound_->answer(1, 200, "1");
  run();
  ASSERT_EQ(outbound_->calls.size(), 3U);
  EXPECT_THAT(call(2).request.url, HasSubstr("pay"));
}

TEST_F(Approvals, AnAllowedCallThatWasInterruptedIsSettledByTheToolsRule) {
  const auto id = waiting_task();
  decide(id, true);
  lose_supervisor();
  ASSERT_EQ(outbound_->calls.size(), 3U);
  EXPECT_EQ(header(call(2), "Idempotency-Key"), header(call(1), "Idempotency-Key"));
  outbound_->answer(2, 200, "1");
  run();
  EXPECT_EQ(results(id).size(), 1U);
}

TEST_F(Approvals, ACancelledTaskLeavesNothingToDecide) {
  const auto id = waiting_task();
  value_of(ask_supervisor(make_cancel(id)));
  EXPECT_EQ(roles(id), "user assistant tool");
  decide_approval op;
  op.task_id = id;
  op.call_id = "call_1";
  op.approve = true;
  op.at = wall_clock();
  EXPECT_EQ(refusal_of(ask_writer(op)), errc::illegal_transition);
}

} // namespace troupe
