#include "tests/e2e/remote_test.hpp"
#include "tests/e2e/stream_clients.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <thread>

/// Tools over HTTP and MCP, approvals, and the ledger under SIGKILL.
namespace troupe {

namespace {

using testing::HasSubstr;

class RemoteToolCalls : public remote_test {
protected:
  void SetUp() override {
    remote_test::SetUp();
    put_model("remote");
  }

  json http_tool(const std::string& name, json members = json::object()) {
    json tool{{"type", "http"}, {"name", name}, {"description", "A tool."}, {"url", provider_.url("/count/" + name)}};
    tool.update(members);
    return tool;
  }
};

} // namespace

TEST_F(RemoteToolCalls, OverHttpAreMadeAndToldOf) {
  put_remote_bot("clerk", {{"tools",
                            {http_tool("book", {{"parameters",
                                                 {{"type", "object"},
                                                  {"properties", {{"seat", {{"type", "integer"}}}}},
                                                  {"required", {"seat"}}}}})}}});
  const auto task = run_with("clerk", R"(tools=book:{"seat":7})");
  EXPECT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_THAT(task.at("output").get<std::string>(), HasSubstr(R"("seat":7)"));
  expect_calls_answered(messages_of(task));
  const auto wrong = run_with("clerk", R"(tools=book:{"seat":"window"})");
  EXPECT_THAT(wrong.at("output").get<std::string>(), HasSubstr("error"));
  EXPECT_EQ(provider_.tool_calls("book").size(), 1U);
}

TEST_F(RemoteToolCalls, OverMcpAreFoundAndMade) {
  put_remote_bot("clerk", {{"tools", {{{"type", "mcp"}, {"name", "srv"}, {"url", provider_.url("/mcp")}}}}});
  const auto task = run_with("clerk", R"(tools=srv__echo:{"text":"hello"})");
  EXPECT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_THAT(task.at("output").get<std::string>(), HasSubstr("hello"));
  provider_.mcp().forget_sessions();
  EXPECT_EQ(run_with("clerk", R"(tools=srv__add:{"a":1,"b":2})").at("status"), "COMPLETED");
  expect_whole(http(), task);
}

TEST_F(RemoteToolCalls, OverMcpLeaveNoSessionBehind) {
  put_remote_bot("clerk", {{"tools", {{{"type", "mcp"}, {"name", "srv"}, {"url", provider_.url("/mcp")}}}}});
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(run_with("clerk", R"(tools=srv__echo:{"text":"hello"})").at("status"), "COMPLETED");
  // The one that is left is for the list, and for those who share.
  EXPECT_TRUE(eventually([&] { return provider_.mcp().sessions() == 1U; })) << provider_.mcp().sessions();
  server().signal(SIGTERM);
  server().wait();
  EXPECT_EQ(provider_.mcp().sessions(), 0U);
}

TEST_F(RemoteToolCalls, OverMcpMayBeOfItsNewestRevisionAlone) {
  provider_.mcp().speak_modern_only();
  put_remote_bot("clerk", {{"tools", {{{"type", "mcp"}, {"name", "srv"}, {"url", provider_.url("/mcp")}}}}});
  const auto task = run_with("clerk", R"(tools=srv__echo:{"text":"hello"})");
  EXPECT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_THAT(task.at("output").get<std::string>(), HasSubstr("hello"));
  expect_calls_answered(messages_of(task));
  EXPECT_EQ(provider_.mcp().sessions(), 0U);
}

TEST_F(RemoteToolCalls, OverMcpAreExplainedByValidate) {
  provider_.mcp().offer_odd_tools();
  put_remote_bot("clerk", {{"tools",
                            {{{"type", "mcp"},
                              {"name", "srv"},
                              {"url", provider_.url("/mcp")},
                              {"allow", {"echo", "file.*", "plan", "gone"}},
                              {"session", "shared"}},
                             {{"type", "mcp"}, {"name", "away"}, {"url", provider_.url("/count/none")}}}}});
  const auto found = http().post("/api/v1/bots/clerk/validate", json::object()).document();
  EXPECT_EQ(found.at("valid"), true) << found;
  const auto text = found.at("warnings").dump();
  EXPECT_EQ(found.at("warnings").size(), 4U) << text;
  EXPECT_THAT(text, HasSubstr("'file.read' is called 'srv__file_read_"));
  EXPECT_THAT(text, HasSubstr("'plan' is left out"));
  EXPECT_THAT(text, HasSubstr("no tool 'gone'"));
  EXPECT_THAT(text, HasSubstr("'away' does not list its tools"));
}

TEST_F(RemoteToolCalls, CanWaitForAPersonAcrossARestart) {
  put_remote_bot("clerk", {{"tools", {http_tool("pay", {{"requires_approval", true}})}}});
  const auto started = start_with("clerk", R"(tools=pay:{"amount":7})");
  wait_for_event(started.at("id"), "approval:requested");
  restart();
  const auto pending = http().get("/api/v1/approvals").document().at("items");
  ASSERT_EQ(pending.size(), 1U);
  EXPECT_EQ(pending.at(0).at("arguments"), json({{"amount", 7}}));
  EXPECT_EQ(task(started.at("id")).at("wait_reason"), "approval");
  const auto path = task_path(started) + "/approvals/" + pending.at(0).at("call_id").get<std::string>();
  EXPECT_EQ(http().post(path, json{{"decision", "maybe"}}).status, 422U);
  const auto decided
    = http().post(path, json{{"decision", "approve"}, {"arguments", {{"amount", 5}}}, {"decided_by", "ada"}});
  EXPECT_EQ(decided.status, 200U) << decided.body;
  const auto ended = wait_for_end(http(), started.at("id"));
  EXPECT_EQ(ended.at("status"), "COMPLETED") << ended;
  EXPECT_THAT(ended.at("output").get<std::string>(), HasSubstr(R"("amount":5)"));
  EXPECT_EQ(http().post(path, json{{"decision", "reject"}}).status, 409U);
  expect_whole(http(), ended);
}

TEST_F(RemoteToolCalls, AreMadeOnceWhateverIsKilled) {
  put_remote_bot("keyed", {{"tools", {http_tool("keyed")}}, {"timeout_s", 60}});
  put_remote_bot("never", {{"tools", {http_tool("never", {{"repeat", "never"}})}}, {"timeout_s", 60}});
  // Three rounds, one call each, then an answer; each answer takes a moment, so that kills meet every phase.
  provider_.answer_with([](const seen_request& request) {
    if (request.addressed_to() != endpoint::openai) {
      auto reply = script::usual();
      reply.delay = 20ms;
      return reply;
    }
    const auto& messages = request.document.at("messages");
    const auto rounds
      = std::count_if(messages.begin(), messages.end(), [](const auto& m) { return m.at("role") == "tool"; });
    const auto tool = request.document.at("tools").at(0).at("function").at("name").template get<std::string>();
    auto reply = rounds < 3 ? script::call_tools({{tool, {{"round", rounds}}}}) : script::say("done");
    reply.delay = 20ms;
    return reply;
  });
  std::vector<std::string> ids;
  for (int i = 0; i < 200; ++i)
    ids.push_back(start_with(i % 2 == 0 ? "keyed" : "never", "go").at("id"));
  std::mt19937 random{std::random_device{}()};
  for (int kill = 0; kill < 8; ++kill) {
    const auto before = provider_.counts().requests;
    provider_.wait_for_requests(before + 20 + random() % 60, 2s);
    server().signal(SIGKILL);
    server().wait();
    restart({"--max-recoveries", "50"});
  }
  for (const auto& id : ids) {
    const auto ended = wait_for_end(http(), id);
    EXPECT_EQ(ended.at("status"), "COMPLETED") << ended;
    expect_whole(http(), ended);
    const auto messages = messages_of(ended);
    expect_calls_answered(messages);
    EXPECT_EQ(std::count_if(messages.begin(), messages.end(), [](const auto& m) { return m.at("role") == "tool"; }), 3);
  }
  // Each call of the one has a key of its own, however often it was made; none of the other was made twice.
  EXPECT_EQ(provider_.tool_calls("keyed").size(), 300U);
  std::size_t made = 0;
  for (const auto& [key, count] : provider_.tool_calls("never")) {
    EXPECT_EQ(count, 1U) << key;
    made += count;
  }
  EXPECT_LE(made, 300U);
}

} // namespace troupe
