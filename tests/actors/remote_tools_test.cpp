#include "tests/actors/remote_fixture.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

tool_record http_tool_named(std::string name, repeat_rule rule = repeat_rule::with_key) {
  tool_record tool;
  tool.type = tool_kind::http;
  tool.name = std::move(name);
  tool.description = "A tool.";
  tool.url = "https://tools.test/" + tool.name;
  tool.repeat = rule;
  return tool;
}

class RemoteTools : public remote_fixture {
protected:
  void SetUp() override {
    remote_fixture::SetUp();
    put_bot_named("clerk", [](auto& bot) {
      bot.model = "gpt";
      bot.tools = {http_tool_named("book"), http_tool_named("once", repeat_rule::never),
                   http_tool_named("look", repeat_rule::safe)};
    });
  }

  uuid ask_clerk(std::string input = "Book it") { return execute_with("clerk", std::move(input)); }

  static std::string header(const fake_outbound::call& call, std::string_view name) {
    for (const auto& [field, value] : call.request.headers)
      if (field == name)
        return value;
    return {};
  }
  fake_outbound::call& call(std::size_t index) { return outbound_->calls.at(index); }

  /// The tool messages' contents, in order.
  std::vector<std::string> results(const uuid& id) {
    std::vector<std::string> found;
    for (const auto& message : messages(id))
      if (message.role == message_role::tool)
        found.push_back(message.content);
    return found;
  }

  void lose_supervisor() {
    kill(peers()->supervisor);
    advance(1s);
  }
};

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
  EXPECT_EQ(asked.back()["tool_call_id"], "call_1");
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
  EXPECT_THAT(results(id), ElementsAre(HasSubstr("no such tool"), HasSubstr("error")));
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

// -- approvals ------------------------------------------------------------------

namespace {

class Approvals : public RemoteTools {
protected:
  void SetUp() override {
    RemoteTools::SetUp();
    put_bot_named("clerk", [](auto& bot) {
      bot.model = "gpt";
      auto pay = http_tool_named("pay");
      pay.requires_approval = true;
      pay.approval_timeout = 1h;
      bot.tools = {pay, http_tool_named("book")};
    });
  }

  approval_result decide(const uuid& id, bool approve, std::optional<std::string> arguments = std::nullopt) {
    decide_approval op;
    op.task_id = id;
    op.call_id = "call_1";
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

// -- MCP ------------------------------------------------------------------------

namespace {

class McpTools : public RemoteTools {
protected:
  void SetUp() override {
    RemoteTools::SetUp();
    put_bot_named("clerk", [](auto& bot) {
      bot.model = "gpt";
      auto& server = bot.tools.emplace_back();
      server.type = tool_kind::mcp;
      server.name = "files";
      server.url = "https://mcp.test/mcp";
    });
  }

  [[nodiscard]] nlohmann::json sent(std::size_t index) const {
    return nlohmann::json::parse(outbound_->calls.at(index).request.body);
  }
  void respond(std::size_t index, const nlohmann::json& result, header_list headers = {}) {
    headers.emplace_back("content-type", "application/json");
    const auto id = sent(index)["id"];
    outbound_->answer(index, 200, nlohmann::json{{"jsonrpc", "2.0"}, {"id", id}, {"result", result}}.dump(), headers);
    run();
  }
  /// Opens the session with the call `first`, and answers with one tool.
  void open_session(std::size_t first) {
    respond(first,
            {{"protocolVersion", "2025-06-18"},
             {"capabilities", {{"tools", nlohmann::json::object()}}},
             {"serverInfo", {{"name", "files"}, {"version", "1"}}}},
            {{"mcp-session-id", "s1"}});
    outbound_->answer(first + 1, 202, "");
    run();
    respond(first + 2,
            {{"tools", {{{"name", "read"}, {"description", "Reads."}, {"inputSchema", {{"type", "object"}}}}}}});
  }
};

} // namespace

TEST_F(McpTools, AreFoundListedAndCalled) {
  const auto id = ask_clerk();
  ASSERT_EQ(outbound_->calls.size(), 1U);
  EXPECT_EQ(sent(0)["method"], "initialize");
  open_session(0);
  EXPECT_EQ(sent(1)["method"], "notifications/initialized");
  EXPECT_EQ(sent(2)["method"], "tools/list");
  ASSERT_EQ(outbound_->calls.size(), 4U);
  EXPECT_EQ(sent(3)["tools"][0]["function"]["name"], "files__read");
  outbound_->call_tools(3, {{"files__read", R"({"path":"a"})"}});
  run();
  ASSERT_EQ(outbound_->calls.size(), 5U);
  EXPECT_EQ(sent(4)["method"], "tools/call");
  EXPECT_EQ(sent(4)["params"]["name"], "read");
  EXPECT_EQ(header(call(4), "Mcp-Session-Id"), "s1");
  respond(4, {{"content", {{{"type", "text"}, {"text", "hello"}}}}});
  EXPECT_THAT(results(id), ElementsAre(R"("hello")"));
  outbound_->reply(5, "It says hello.");
  run();
  EXPECT_EQ(status(id), task_status::completed);
}

TEST_F(McpTools, AListIsKeptForAWhile) {
  ask_clerk();
  open_session(0);
  outbound_->reply(3, "one");
  run();
  ask_clerk();
  ASSERT_EQ(outbound_->calls.size(), 5U);
  EXPECT_EQ(sent(4)["model"], "gpt-test");
  outbound_->reply(4, "two");
  run();
}

TEST_F(McpTools, AServerThatHasForgottenTheSessionIsGreetedAgain) {
  const auto id = ask_clerk();
  open_session(0);
  outbound_->call_tools(3, {{"files__read", "{}"}});
  run();
  outbound_->answer(4, 404, "");
  run();
  ASSERT_EQ(outbound_->calls.size(), 6U);
  EXPECT_EQ(sent(5)["method"], "initialize");
  respond(5,
          {{"protocolVersion", "2025-06-18"},
           {"capabilities", nlohmann::json::object()},
           {"serverInfo", {{"name", "files"}, {"version", "1"}}}},
          {{"mcp-session-id", "s2"}});
  outbound_->answer(6, 202, "");
  run();
  ASSERT_EQ(outbound_->calls.size(), 8U);
  EXPECT_EQ(sent(7)["method"], "tools/call");
  EXPECT_EQ(header(call(7), "Mcp-Session-Id"), "s2");
  respond(7, {{"content", {{{"type", "text"}, {"text", "hello"}}}}});
  EXPECT_EQ(results(id).size(), 1U);
}

TEST_F(McpTools, AServerThatForgetsEverySessionIsNotGreetedForEver) {
  const auto id = ask_clerk();
  for (std::size_t round = 0; round < 2; ++round) {
    respond(round * 3,
            {{"protocolVersion", "2025-06-18"},
             {"capabilities", nlohmann::json::object()},
             {"serverInfo", {{"name", "files"}, {"version", "1"}}}},
            {{"mcp-session-id", "s"}});
    outbound_->answer(round * 3 + 1, 202, "");
    run();
    outbound_->answer(round * 3 + 2, 400, "no such session");
    run();
  }
  EXPECT_EQ(outbound_->open(), 0U);
  EXPECT_EQ(outcomes(id), "failed");
}

TEST_F(McpTools, AServerThatDoesNotAnswerIsAnotherAttempt) {
  const auto id = ask_clerk();
  outbound_->fail(0, outbound_errc::unreachable, false);
  run();
  EXPECT_EQ(outcomes(id), "failed");
  EXPECT_EQ(task(id).status, task_status::running);
  advance(1s);
  EXPECT_EQ(outbound_->calls.size(), 2U);
}

TEST_F(McpTools, CancellingATaskTellsTheServer) {
  const auto id = ask_clerk();
  open_session(0);
  outbound_->call_tools(3, {{"files__read", "{}"}});
  run();
  value_of(ask_supervisor(make_cancel(id)));
  EXPECT_TRUE(call(4).cancelled);
  ASSERT_EQ(outbound_->calls.size(), 6U);
  EXPECT_EQ(sent(5)["method"], "notifications/cancelled");
}

} // namespace troupe
