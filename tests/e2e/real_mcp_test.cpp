#include "tests/e2e/remote_test.hpp"
#include "tests/providers/node_server.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <ostream>

/// Against MCP servers that others wrote, in the versions that tests/providers/package.json names: what they do is not
/// what one remembers of the protocol.
namespace troupe {

namespace {

using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

/// A kind of server, and a call that it answers.
struct real_server {
  std::string name;
  std::string program;
  std::vector<std::string> arguments;
  json echo;
  std::string echoed;
  /// What `validate` warns of.
  json warnings = json::array();

  friend std::ostream& operator<<(std::ostream& out, const real_server& kind) { return out << kind.name; }
};

/// @modelcontextprotocol/server-everything 2026.8.31: the protocol's own example, with the v1 SDK. A session that it
/// does not know is 400, and that error has no id.
real_server everything() {
  return {"everything",
          "node_modules/@modelcontextprotocol/server-everything/dist/index.js",
          {"streamableHttp"},
          {{"message", "hello"}},
          "Echo: hello",
          {"The MCP server 's': The tool 'simulate-research-query' is left out: it can only be called as a task of the "
           "protocol's own, which is not spoken here."}};
}

/// @modelcontextprotocol/server 2.4.0, `createMcpHandler` with `legacy: 'reject'`: revision 2026-07-28 alone.
real_server modern() {
  return {"modern", "mcp.mjs", {"modern"}, {{"text", "hello"}}, "echo: hello"};
}

/// @modelcontextprotocol/node 2.1.2 with sessions, so only revisions before that one.
real_server sessions() {
  return {"sessions", "mcp.mjs", {"sessions"}, {{"text", "hello"}}, "echo: hello"};
}

/// supergateway 4.0.0 around a server that speaks over its standard input: a process for each session. It answers
/// `server/discover` with 404 and -32601, and a `tools/call` of the same revision with a process of its own.
real_server supergateway() {
  return {"supergateway",
          "node_modules/supergateway/dist/index.js",
          {"--stdio", "node mcp.mjs stdio", "--outputTransport", "streamableHttp", "--stateful"},
          {{"text", "hello"}},
          "echo: hello"};
}

/// fastmcp 4.20.16.
real_server fast_mcp() {
  return {"fast_mcp", "fast_mcp.mjs", {}, {{"text", "hello"}}, "echo: hello"};
}

/// The calls of one round: names without the server's prefix, and arguments.
using round_of_calls = std::vector<script::call>;

class RealMcp : public remote_test {
protected:
  void start_server(const real_server& kind) { server_at_.emplace(kind.program, kind.arguments); }
  [[nodiscard]] node_server& mcp_server() { return *server_at_; }

  /// A bot with the server's tools, named s__<tool>; on `model`, with `members` of the tool besides.
  void put_user_of(const std::string& bot, const std::string& model, const json& members = json::object()) {
    json tool{{"type", "mcp"}, {"name", "s"}, {"url", mcp_server().url("/mcp")}};
    tool.update(members);
    put_bot(bot, {{"model", model}, {"tools", {tool}}});
  }

  /// Runs a task of a bot whose model makes these calls, round by round, and then says "done". `before` is called
  /// before the round of that number (from 0) begins.
  json run_rounds(const std::vector<round_of_calls>& rounds, const json& tool_members = json::object(),
                  const std::function<void(std::size_t)>& before = {}) {
    put_model("remote");
    put_user_of("rounds", "remote", tool_members);
    provider_.answer_with([=](const seen_request& request) {
      const auto& messages = request.document.at("messages");
      const auto round = static_cast<std::size_t>(
        std::ranges::count_if(messages, [](const json& m) { return m.contains("tool_calls"); }));
      if (round == rounds.size())
        return script::say("done");
      if (before)
        before(round);
      auto calls = rounds[round];
      for (auto& call : calls)
        call.name = "s__" + call.name;
      return script::call_tools(calls);
    });
    return run_with("rounds", "go");
  }

  /// What came of the calls, in their order.
  std::vector<std::string> results_of(const json& task) {
    std::vector<std::string> results;
    for (const auto& message : messages_of(task)) {
      if (message.at("role") == "tool")
        results.push_back(message.at("content"));
    }
    return results;
  }

  /// The names of the tools that the model was offered last.
  [[nodiscard]] std::vector<std::string> offered() const {
    std::vector<std::string> names;
    const auto asked = provider_.requests("/v1/chat/completions");
    const auto last = asked.empty() ? json::object() : asked.back().document;
    for (const auto& tool : last.value("tools", json::array()))
      names.push_back(tool.at("function").at("name"));
    return names;
  }

private:
  std::optional<node_server> server_at_;
};

void expect_completed_at_once(const json& task) {
  EXPECT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_EQ(task.at("attempt"), 1) << task;
}

class RealMcpServers : public RealMcp, public testing::WithParamInterface<real_server> {};

/// Servers that have sessions, and forget them when they are started anew.
class RealMcpSessions : public RealMcpServers {};

/// Servers whose tools the tests' own script makes.
class RealMcpTools : public RealMcpServers {};

std::string name_of(const testing::TestParamInfo<real_server>& kind) {
  return kind.param.name;
}

} // namespace

INSTANTIATE_TEST_SUITE_P(Npm, RealMcpServers,
                         testing::Values(everything(), modern(), sessions(), supergateway(), fast_mcp()), name_of);
INSTANTIATE_TEST_SUITE_P(Npm, RealMcpSessions, testing::Values(everything(), sessions(), supergateway(), fast_mcp()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Npm, RealMcpTools, testing::Values(modern(), sessions(), supergateway(), fast_mcp()), name_of);

TEST_P(RealMcpServers, ListTheirToolsAndAnswerACall) {
  TROUPE_NEEDS(node_server);
  start_server(GetParam());
  put_user_of("clerk", "builtin");
  const json valid{{"valid", true}, {"errors", json::array()}, {"warnings", GetParam().warnings}};
  EXPECT_EQ(http().post("/api/v1/bots/clerk/validate").document(), valid);
  const auto task = run_with("clerk", "@tool=s__echo:" + GetParam().echo.dump() + " so it is");
  expect_completed_at_once(task);
  EXPECT_THAT(task.at("output").get<std::string>(), HasSubstr(GetParam().echoed));
  expect_whole(http(), task);
}

TEST_P(RealMcpServers, AnswerCallsSideBySide) {
  TROUPE_NEEDS(node_server);
  start_server(GetParam());
  const script::call echo{"echo", GetParam().echo};
  const auto task = run_rounds({{echo, echo, echo, echo}, {echo, echo}});
  expect_completed_at_once(task);
  EXPECT_EQ(results_of(task).size(), 6U);
  EXPECT_THAT(results_of(task), Each(HasSubstr(GetParam().echoed)));
}

// The calls of the second round meet a session that nobody knows: each is made again on one that is opened then.
TEST_P(RealMcpSessions, AreGreetedAnewByAllCallsOfARoundWhenTheyHaveForgotten) {
  TROUPE_NEEDS(node_server);
  start_server(GetParam());
  const script::call echo{"echo", GetParam().echo};
  const auto task = run_rounds({{echo}, {echo, echo, echo, echo}}, json::object(), [&](std::size_t round) {
    if (round == 1)
      mcp_server().restart();
  });
  expect_completed_at_once(task);
  EXPECT_EQ(results_of(task).size(), 5U);
  EXPECT_THAT(results_of(task), Each(HasSubstr(GetParam().echoed)));
}

// The same between two tasks, which is where it is met every day: a server is deployed.
TEST_P(RealMcpServers, MayBeRestartedBetweenTwoTasks) {
  TROUPE_NEEDS(node_server);
  start_server(GetParam());
  put_user_of("clerk", "builtin");
  const auto input = "@tool=s__echo:" + GetParam().echo.dump() + " so it is";
  expect_completed_at_once(run_with("clerk", input));
  mcp_server().restart();
  const auto task = run_with("clerk", input);
  expect_completed_at_once(task);
  EXPECT_THAT(task.at("output").get<std::string>(), HasSubstr(GetParam().echoed));
}

// supergateway tells of it inside the stream of the call, the SDK's sessions on the stream of a GET, `createMcpHandler`
// to who listens; fastmcp says beforehand that it never will.
TEST_P(RealMcpTools, ThatAreAddedAtRunTimeCanBeCalledAtOnce) {
  TROUPE_NEEDS(node_server);
  start_server(GetParam());
  const auto task = run_rounds({{{"grow"}}, {{"grown"}}});
  expect_completed_at_once(task);
  EXPECT_THAT(results_of(task), Contains(HasSubstr("grown at run time")));
}

TEST_F(RealMcp, OfTheNewestRevisionAreSpokenToWithoutASession) {
  TROUPE_NEEDS(node_server);
  start_server(modern());
  expect_completed_at_once(run_rounds({{{"echo", {{"text", "ünïcode"}}}}, {{"pid"}}}));
  const auto requests = mcp_server().get("/seen").at("requests");
  const auto calls = std::ranges::count_if(requests, [](const json& r) { return r.value("rpc", "") == "tools/call"; });
  EXPECT_EQ(calls, 2);
  for (const auto& request : requests) {
    EXPECT_FALSE(request.contains("session")) << request;
    if (request.value("rpc", "") == "tools/call") {
      EXPECT_EQ(request.at("revision"), "2026-07-28");
    }
  }
}

// fastmcp tells every session of it, though it has declared `tools: {}`.
TEST_F(RealMcp, AreListenedToWhenTheirToolsChange) {
  TROUPE_NEEDS(node_server);
  for (const auto& kind : {modern(), fast_mcp()}) {
    start_server(kind);
    run_rounds({{{"echo", {{"text", "a"}}}}});
    EXPECT_THAT(offered(), Not(Contains("s__grown"))) << kind.name;
    run_rounds({{{"grow"}}});
    run_rounds({{{"echo", {{"text", "a"}}}}});
    EXPECT_THAT(offered(), Contains("s__grown")) << kind.name;
  }
}

TEST_F(RealMcp, KeepASessionForEachTaskAndEndIt) {
  TROUPE_NEEDS(node_server);
  start_server(sessions());
  const auto first = run_rounds({{{"remember", {{"text", "red"}}}}, {{"recall"}}});
  expect_completed_at_once(first);
  EXPECT_THAT(results_of(first), Contains(HasSubstr("noted was red")));
  const auto second = run_rounds({{{"recall"}}});
  EXPECT_THAT(results_of(second), Contains(HasSubstr("noted was nothing")));
  EXPECT_TRUE(eventually([&] { return mcp_server().get("/seen").at("ended") >= 2; })) << mcp_server().get("/seen");
}

TEST_F(RealMcp, ShareASessionWhereTheBotSaysSo) {
  TROUPE_NEEDS(node_server);
  start_server(sessions());
  run_rounds({{{"remember", {{"text", "red"}}}}}, {{"session", "shared"}});
  const auto second = run_rounds({{{"recall"}}}, {{"session", "shared"}});
  EXPECT_THAT(results_of(second), Contains(HasSubstr("noted was red")));
}

// supergateway keeps a process for each session: the state that is mixed up here is that of a whole program.
TEST_F(RealMcp, BehindAGatewayAreAProcessForEachTask) {
  TROUPE_NEEDS(node_server);
  start_server(supergateway());
  const auto first = run_rounds({{{"pid"}, {"remember", {{"text", "red"}}}}, {{"pid"}, {"recall"}}});
  expect_completed_at_once(first);
  const auto results = results_of(first);
  ASSERT_EQ(results.size(), 4U);
  EXPECT_EQ(results[0], results[2]);
  EXPECT_THAT(results[3], HasSubstr("noted was red"));
  const auto second = results_of(run_rounds({{{"pid"}, {"recall"}}}));
  ASSERT_EQ(second.size(), 2U);
  EXPECT_NE(second[0], results[0]);
  EXPECT_THAT(second[1], HasSubstr("noted was nothing"));
}

TEST_F(RealMcp, AreToldToStopACallThatTimesOutOrWhoseTaskIsCancelled) {
  TROUPE_NEEDS(node_server);
  for (const auto& kind : {modern(), sessions()}) {
    start_server(kind);
    put_user_of("hasty", "builtin", {{"timeout_s", 1}, {"repeat", "never"}});
    const auto late = run_with("hasty", R"(@tool=s__slow:{"ms":60000} so it is)");
    EXPECT_EQ(late.at("status"), "COMPLETED") << late;
    EXPECT_TRUE(eventually([&] { return mcp_server().get("/seen").at("cancelled") == 1; })) << kind.name;
    put_user_of("patient", "builtin");
    const auto started = start_with("patient", R"(@tool=s__slow:{"ms":60000} so it is)");
    EXPECT_TRUE(eventually([&] { return mcp_server().get("/seen").at("calls").size() == 2; })) << kind.name;
    EXPECT_LT(http().post(task_path(started) + "/cancel").status, 300U);
    EXPECT_TRUE(eventually([&] { return mcp_server().get("/seen").at("cancelled") == 2; })) << kind.name;
    EXPECT_EQ(mcp_server().get("/seen").at("finished"), 0);
  }
}

TEST_F(RealMcp, OfferWhatTheBotPicks) {
  TROUPE_NEEDS(node_server);
  start_server(everything());
  run_rounds({}, {{"allow", {"get-*", "echo", "nothing-of-the-kind"}}, {"deny", {"get-env"}}});
  EXPECT_THAT(offered(), IsSupersetOf({"s__echo", "s__get-sum"}));
  EXPECT_THAT(offered(), Not(Contains("s__get-env")));
  EXPECT_THAT(offered(), Not(Contains("s__trigger-long-running-operation")));
  EXPECT_THAT(offered(), Not(Contains("s__simulate-research-query")));
  const auto warnings = http().post("/api/v1/bots/rounds/validate").document().at("warnings");
  EXPECT_THAT(warnings.dump(), HasSubstr("nothing-of-the-kind"));
}

// server-everything 2026.8.31: what it says twice, and a picture in base64 that no model reads.
TEST_F(RealMcp, AnswerWithTextAndWithoutPictures) {
  TROUPE_NEEDS(node_server);
  start_server(everything());
  const auto task = run_rounds({{{"get-structured-content", {{"location", "Chicago"}}}, {"get-tiny-image"}}});
  expect_completed_at_once(task);
  const auto results = results_of(task);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_THAT(results[0], HasSubstr("temperature"));
  EXPECT_THAT(results[1], HasSubstr("image"));
  EXPECT_THAT(results[1], Not(HasSubstr("iVBORw0KGgo")));
}

} // namespace troupe
