#include "tests/actors/remote_tools_fixture.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class McpTools : public remote_tools_fixture {
protected:
  void SetUp() override {
    remote_tools_fixture::SetUp();
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
