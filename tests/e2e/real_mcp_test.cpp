#include "tests/e2e/remote_test.hpp"
#include "tests/providers/node_server.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <optional>
#include <ostream>

/// Against MCP servers that others wrote, in the versions that tests/providers/package.json names: what they do is not
/// what one remembers of the protocol.
namespace troupe {

namespace {

using testing::Each;
using testing::HasSubstr;
using testing::Not;

/// A kind of server, and a call that it answers.
struct real_server {
  std::string name;
  std::string program;
  std::vector<std::string> arguments;
  json echo;
  std::string echoed;

  friend std::ostream& operator<<(std::ostream& out, const real_server& kind) { return out << kind.name; }
};

/// @modelcontextprotocol/server-everything 2026.8.31: the protocol's own example, with the v1 SDK. A session that it
/// does not know is 400, and that error has no id.
real_server everything() {
  return {"everything",
          "node_modules/@modelcontextprotocol/server-everything/dist/index.js",
          {"streamableHttp"},
          {{"message", "hello"}},
          "Echo: hello"};
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
  json run_rounds(const std::vector<round_of_calls>& rounds, const json& tool_members = json::object()) {
    put_model("remote");
    put_user_of("rounds", "remote", tool_members);
    provider_.answer_with([=](const seen_request& request) {
      const auto& messages = request.document.at("messages");
      const auto round = static_cast<std::size_t>(
        std::ranges::count_if(messages, [](const json& m) { return m.contains("tool_calls"); }));
      if (round == rounds.size())
        return script::say("done");
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

private:
  std::optional<node_server> server_at_;
};

void expect_completed_at_once(const json& task) {
  EXPECT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_EQ(task.at("attempt"), 1) << task;
}

class RealMcpServers : public RealMcp, public testing::WithParamInterface<real_server> {};

std::string name_of(const testing::TestParamInfo<real_server>& kind) {
  return kind.param.name;
}

} // namespace

INSTANTIATE_TEST_SUITE_P(Npm, RealMcpServers, testing::Values(everything(), sessions(), supergateway(), fast_mcp()),
                         name_of);

TEST_P(RealMcpServers, ListTheirToolsAndAnswerACall) {
  TROUPE_NEEDS(node_server);
  start_server(GetParam());
  put_user_of("clerk", "builtin");
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

// A server is deployed.
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
