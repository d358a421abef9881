#include "tests/actors/remote_tools_fixture.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class RemoteTools : public remote_tools_fixture {};

} // namespace

// -- the loop -----------------------------------------------------------------

TEST_F(RemoteTools, AreCalledAndTheirResultsAreShownToTheModel) {
  const auto id = ask_clerk();
  outbound_->call_tools(0, {{"book", R"({"seat":7})"}});
  run();
  ASSERT_EQ(outbound_->calls.size(), 2U);
  EXPECT_EQ(call(1).request.url, "https://tools.test/book");
  EXPECT_EQ(call(1).request.body, R"({"seat":7})");
  EXPECT_EQ(header(call(1), "Idempotency-Key"), id.to_string() + "-call_1");
  outbound_->answer(1, 200, R"({"booked":true})");
  run();
  ASSERT_EQ(outbound_->calls.size(), 3U);
  const auto asked = nlohmann::json::parse(call(2).request.body)["messages"];
  EXPECT_EQ(asked.back()["role"], "tool");
  EXPECT_EQ(asked.back()["content"], R"({"booked":true})");
  EXPECT_EQ(asked.back()["tool_call_id"], asked[asked.size() - 2]["tool_calls"][0]["id"]);
  outbound_->reply(2, "Booked.");
  run();
  EXPECT_EQ(task(id).output, "Booked.");
  EXPECT_EQ(roles(id), "user assistant tool assistant");
  expect_sound_journal(id);
}

TEST_F(RemoteTools, OfOneTurnRunSideBySideAndAreAllAwaited) {
  const auto id = ask_clerk();
  outbound_->call_tools(0, {{"book", "{}"}, {"look", "{}"}});
  run();
  ASSERT_EQ(outbound_->calls.size(), 3U);
  outbound_->answer(2, 200, R"("second")");
  run();
  EXPECT_EQ(outbound_->calls.size(), 3U);
  outbound_->answer(1, 200, R"("first")");
  run();
  ASSERT_EQ(outbound_->calls.size(), 4U);
  // In the order of the calls, whichever came first.
  const auto asked = nlohmann::json::parse(call(3).request.body)["messages"];
  EXPECT_EQ(asked[asked.size() - 2]["content"], "first");
  EXPECT_EQ(asked[asked.size() - 1]["content"], "second");
  outbound_->reply(3, "done");
  run();
  EXPECT_EQ(status(id), task_status::completed);
}

TEST_F(RemoteTools, WhatTheModelMakesUpIsToldToIt) {
  const auto id = ask_clerk();
  outbound_->call_tools(0, {{"fly", "{}"}, {"book", "no json"}});
  run();
  ASSERT_EQ(outbound_->calls.size(), 2U);
  EXPECT_THAT(results(id), ElementsAre(HasSubstr("no JSON object"), HasSubstr("no such tool")));
  outbound_->reply(1, "Sorry.");
  run();
  EXPECT_EQ(status(id), task_status::completed);
  expect_sound_journal(id);
}

TEST_F(RemoteTools, AnErrorOfTheToolIsAResult) {
  const auto id = ask_clerk();
  outbound_->call_tools(0, {{"book", "{}"}});
  run();
  outbound_->answer(1, 404, "no such seat");
  run();
  EXPECT_THAT(results(id).front(), HasSubstr("404"));
  outbound_->reply(2, "There is none.");
  run();
  EXPECT_EQ(outcomes(id), "completed");
}

TEST_F(RemoteTools, APassingErrorIsAnotherAttemptWithTheSameKey) {
  const auto id = ask_clerk();
  outbound_->call_tools(0, {{"book", "{}"}});
  run();
  outbound_->answer(1, 503, "busy");
  run();
  EXPECT_EQ(outcomes(id), "failed");
  EXPECT_TRUE(results(id).empty());
  advance(1s);
  ASSERT_EQ(outbound_->calls.size(), 3U);
  EXPECT_EQ(header(call(2), "Idempotency-Key"), header(call(1), "Idempotency-Key"));
  outbound_->answer(2, 200, "1");
  run();
  outbound_->reply(3, "done");
  run();
  EXPECT_EQ(outcomes(id), "failed completed");
  EXPECT_EQ(roles(id), "user assistant tool assistant");
}

TEST_F(RemoteTools, TheLastAttemptTellsTheModelWhatFailed) {
  put_bot_named("clerk", [](auto& bot) {
    bot.model = "gpt";
    bot.tools = {http_tool_named("book")};
    bot.restart.max_attempts = 1;
  });
  const auto id = ask_clerk();
  outbound_->call_tools(0, {{"book", "{}"}});
  run();
  outbound_->answer(1, 503, "busy");
  run();
  EXPECT_THAT(results(id).front(), HasSubstr("503"));
  outbound_->reply(2, "It is busy.");
  run();
  EXPECT_EQ(outcomes(id), "completed");
}

TEST_F(RemoteTools, CancellingATaskClosesItsCalls) {
  const auto id = ask_clerk();
  outbound_->call_tools(0, {{"book", "{}"}, {"once", "{}"}});
  run();
  value_of(ask_supervisor(make_cancel(id)));
  EXPECT_TRUE(call(1).cancelled);
  EXPECT_TRUE(call(2).cancelled);
  // Each call has a result nevertheless.
  EXPECT_EQ(results(id).size(), 2U);
  EXPECT_EQ(roles(id), "user assistant tool tool");
}

// -- what nobody knows ----------------------------------------------------------

TEST_F(RemoteTools, AnUnknownOutcomeIsSettledByTheToolsRule) {
  const auto id = ask_clerk();
  outbound_->call_tools(0, {{"book", "{}"}, {"once", "{}"}, {"look", "{}"}});
  run();
  ASSERT_EQ(outbound_->calls.size(), 4U);
  lose_supervisor();
  // The one with a key and the safe one are made again, the third is not.
  ASSERT_EQ(outbound_->calls.size(), 6U);
  EXPECT_EQ(header(call(4), "Idempotency-Key"), id.to_string() + "-call_1");
  EXPECT_THAT(call(5).request.url, HasSubstr("look"));
  EXPECT_EQ(header(call(5), "Idempotency-Key"), "");
  EXPECT_THAT(results(id), ElementsAre(HasSubstr("unknown")));
  outbound_->answer(4, 200, "1");
  outbound_->answer(5, 200, "2");
  run();
  outbound_->reply(6, "done");
  run();
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(results(id).size(), 3U);
  expect_sound_journal(id);
}

TEST_F(RemoteTools, FinishedTurnsAreNotAskedForAgain) {
  const auto id = ask_clerk();
  outbound_->call_tools(0, {{"book", "{}"}});
  run();
  outbound_->answer(1, 200, "1");
  run();
  lose_supervisor();
  ASSERT_EQ(outbound_->calls.size(), 4U);
  EXPECT_EQ(nlohmann::json::parse(call(3).request.body)["messages"].back()["role"], "tool");
  outbound_->reply(3, "done");
  run();
  EXPECT_EQ(roles(id), "user assistant tool assistant");
}

TEST_F(RemoteTools, IterationsCountOverAllAttempts) {
  put_bot_named("clerk", [](auto& bot) {
    bot.model = "gpt";
    bot.tools = {http_tool_named("book")};
    bot.max_iterations = 2;
  });
  const auto id = ask_clerk();
  outbound_->call_tools(0, {{"book", "{}"}});
  run();
  outbound_->answer(1, 200, "1");
  run();
  lose_supervisor();
  outbound_->call_tools(3, {{"book", "{}"}});
  run();
  outbound_->answer(4, 200, "2");
  run();
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_THAT(*task(id).error, HasSubstr("max_iterations"));
  // A user who tries again gives it as many once more.
  value_of(ask_writer(retry_task{id, wall_clock(), {}}));
  run();
  ASSERT_EQ(outbound_->calls.size(), 6U);
  outbound_->reply(5, "done");
  run();
  EXPECT_EQ(status(id), task_status::completed);
}

} // namespace troupe
