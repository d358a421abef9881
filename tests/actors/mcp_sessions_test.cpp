#include "tests/actors/mcp_fixture.hpp"

#include <gmock/gmock.h>

#include <set>

/// What an MCP server speaks, and its sessions.
namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class McpSessions : public mcp_fixture {
protected:
  void share_session() {
    put_clerk([](auto& server) { server.session = session_scope::shared; });
  }
};

using McpModern = McpSessions;

} // namespace

// -- which era ------------------------------------------------------------------------------

// As @modelcontextprotocol/server 2.4.0 (createMcpHandler, legacy: 'reject') wants it.
TEST_F(McpModern, HasNoSession) {
  const auto id = ask_clerk();
  be_modern();
  list();
  EXPECT_THAT(asked(), ElementsAre("server/discover", "tools/list", "model"));
  want_read();
  const auto call = open("tools/call");
  EXPECT_EQ(session_of(call), "");
  EXPECT_EQ(header(outbound_->calls[call], "Mcp-Method"), "tools/call");
  EXPECT_EQ(header(outbound_->calls[call], "Mcp-Name"), "read");
  EXPECT_EQ(sent(call)["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
  respond(call, {{"content", json::array()}, {"structuredContent", {1, 2}}, {"resultType", "complete"}});
  EXPECT_THAT(results(id), ElementsAre("[1,2]"));
  say();
  EXPECT_EQ(times("DELETE"), 0U);
}

TEST_F(McpModern, IsSpokenWhereThereIsNothingElse) {
  // Knows neither server/discover nor initialize.
  for (const int code : {-32601, -32022}) {
    put_clerk([code](auto& server) { server.url += std::to_string(code); });
    const auto id = ask_clerk();
    refuse(open("server/discover"), 404, -32601, "Method not found");
    refuse(open("initialize"), code == -32601 ? 404 : 400, code, "no", {{"supported", {"2026-07-28"}}});
    EXPECT_EQ(header(outbound_->calls[open("tools/list")], "MCP-Protocol-Version"), "2026-07-28");
    list();
    say();
    EXPECT_EQ(status(id), task_status::completed);
  }
}

TEST_F(McpModern, IsNotAskedForTwice) {
  for (int i = 0; i < 3; ++i) {
    ask_clerk();
    if (i == 0)
      be_modern();
    if (i == 0)
      list();
    say();
  }
  EXPECT_EQ(times("server/discover"), 1U);
}

TEST_F(McpModern, IsForgottenWhenTheServerSpeaksItNoMore) {
  const auto id = ask_clerk();
  be_modern();
  list();
  want_read();
  outbound_->answer(open("tools/call"), 400,
                    R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"Server not initialized"},"id":null})");
  run();
  refuse_discover();
  open_session("s1");
  refuse_streams();
  // The task's own.
  open_session("s2");
  EXPECT_EQ(session_of(open("tools/call")), "s2");
  respond(open("tools/call"), text_result("x"));
  EXPECT_EQ(results(id).size(), 1U);
}

TEST_F(McpModern, FollowsALegacyServer) {
  share_session();
  const auto id = ask_clerk();
  be_legacy("s1");
  want_read();
  outbound_->answer(open("tools/call"), 404, "");
  run();
  refuse(open("initialize"), 400, -32022, "no", {{"supported", {"2026-07-28"}}});
  be_modern();
  EXPECT_EQ(session_of(open("tools/call")), "");
  respond(open("tools/call"), text_result("x"));
  EXPECT_EQ(results(id).size(), 1U);
}

TEST_F(McpSessions, AreOpenedWhereAServerDoesNotAnswerTheQuestion) {
  share_session();
  ask_clerk();
  outbound_->fail(open("server/discover"), outbound_errc::timed_out);
  run();
  open_session("s1");
  refuse_streams();
  list();
  say();
}

// -- modern: rounds, headers, changes ---------------------------------------------------------

TEST_F(McpModern, IsAskedAgainWithWhatItSaid) {
  const auto id = ask_clerk();
  be_modern();
  list();
  want_read();
  const auto first = open("tools/call");
  respond(first, {{"resultType", "input_required"}, {"requestState", "abc"}});
  const auto second = open("tools/call");
  EXPECT_EQ(sent(second)["params"]["requestState"], "abc");
  EXPECT_NE(sent(second)["id"], sent(first)["id"]);
  respond(second, text_result("done"));
  EXPECT_THAT(results(id), ElementsAre(R"("done")"));
}

TEST_F(McpModern, IsNotAskedAgainForEver) {
  const auto id = ask_clerk();
  be_modern();
  list();
  want_read();
  while (open_calls("tools/call") > 0 && times("tools/call") < 100)
    respond(open("tools/call"), {{"resultType", "input_required"}, {"requestState", "abc"}});
  EXPECT_EQ(times("tools/call"), 11U);
  EXPECT_THAT(results(id), ElementsAre(HasSubstr("more than 10 times")));
}

TEST_F(McpModern, GetsAnnotatedArgumentsAsHeaders) {
  ask_clerk();
  be_modern();
  auto tools = tools_named({"read"});
  tools[0]["inputSchema"]["properties"]["region"] = {{"type", "string"}, {"x-mcp-header", "Region"}};
  respond(open("tools/list"), {{"tools", tools}});
  want({{"files__read", R"({"region":"eu"})"}});
  EXPECT_EQ(header(outbound_->calls[open("tools/call")], "Mcp-Param-Region"), "eu");
}

TEST_F(McpModern, IsListedAgainWhenHeadersDoNotFit) {
  const auto id = ask_clerk();
  be_modern();
  list();
  want({{"files__read", R"({"region":"eu"})"}});
  refuse(open("tools/call"), 400, -32020, "Mcp-Param-Region is missing");
  auto tools = tools_named({"read"});
  tools[0]["inputSchema"]["properties"]["region"] = {{"type", "string"}, {"x-mcp-header", "Region"}};
  respond(open("tools/list"), {{"tools", tools}});
  EXPECT_EQ(header(outbound_->calls[open("tools/call")], "Mcp-Param-Region"), "eu");
  refuse(open("tools/call"), 400, -32020, "Mcp-Param-Region is wrong");
  EXPECT_THAT(results(id), ElementsAre(HasSubstr("Mcp-Param-Region is wrong")));
  EXPECT_EQ(times("tools/call"), 2U);
}

TEST_F(McpModern, AsksForNothingThatNobodyCanGive) {
  const auto id = ask_clerk();
  be_modern();
  list();
  want_read();
  refuse(open("tools/call"), 400, -32021, "Cannot request input 'a' (elicitation/create)");
  EXPECT_THAT(results(id), ElementsAre(HasSubstr("elicitation/create")));
  EXPECT_EQ(status(id), task_status::running);
}

TEST_F(McpModern, IsNeverAnsweredNorToldToCancel) {
  ask_clerk();
  be_modern();
  list();
  want_read();
  const auto call = open("tools/call");
  outbound_->event(call, R"({"jsonrpc":"2.0","id":"p1","method":"ping"})");
  run();
  advance(30s);
  EXPECT_TRUE(outbound_->calls[call].cancelled);
  EXPECT_EQ(times("answer"), 0U);
  EXPECT_EQ(times("notifications/cancelled"), 0U);
}

TEST_F(McpModern, TellsInASubscriptionWhenToolsChange) {
  ask_clerk();
  be_modern({{"tools", {{"listChanged", true}}}});
  const auto stream = open("subscriptions/listen");
  EXPECT_EQ(sent(stream)["params"]["notifications"]["toolsListChanged"], true);
  outbound_->event(stream, R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{}})");
  run();
  list();
  say();
  // As long as it is heard, the list is good although its time to live is 0.
  advance(5s);
  ask_clerk();
  say();
  EXPECT_EQ(times("tools/list"), 1U);
  outbound_->event(stream, R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{}})");
  run();
  ask_clerk();
  list({"read", "write"});
  EXPECT_EQ(sent(open("model"))["tools"].size(), 2U);
  say();
  // What was said while nobody listened is lost.
  outbound_->end(stream);
  run();
  advance(6s);
  EXPECT_EQ(open_calls("subscriptions/listen"), 1U);
  ask_clerk();
  EXPECT_EQ(open_calls("tools/list"), 1U);
}

TEST_F(McpModern, AListIsOldWhenTheServerSaysSo) {
  ask_clerk();
  be_modern();
  respond(open("tools/list"), {{"tools", tools_named({"read"})}, {"ttlMs", 30'000}});
  say();
  advance(29s);
  ask_clerk();
  say();
  EXPECT_EQ(times("tools/list"), 1U);
  advance(2s);
  ask_clerk();
  respond(open("tools/list"), {{"tools", tools_named({"read"})}, {"ttlMs", 0}});
  say();
  // A burst shares a list that is old at once.
  ask_clerk();
  say();
  EXPECT_EQ(times("tools/list"), 2U);
  advance(2s);
  ask_clerk();
  EXPECT_EQ(open_calls("tools/list"), 1U);
}

// -- sessions: lost and found -------------------------------------------------------------------

TEST_F(McpSessions, AServerThatHasForgottenTheSessionIsGreetedAgain) {
  share_session();
  // 404 by the protocol; 400 without an id by server-everything 2026.8.31.
  const std::vector<std::pair<unsigned, std::string>> refusals{
    {404U, ""},
    {400U, R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}})"}};
  auto id = ask_clerk();
  be_legacy("s0");
  int number = 0;
  for (const auto& [code, body] : refusals) {
    want_read();
    outbound_->answer(open("tools/call"), code, body);
    run();
    const auto session = "s" + std::to_string(++number);
    open_session(session);
    refuse_streams();
    EXPECT_EQ(session_of(open("tools/call")), session);
    respond(open("tools/call"), text_result("hello"));
  }
  EXPECT_EQ(results(id).size(), 2U);
}

// A session server of @modelcontextprotocol/server 2.4.0 after a restart: all but one got "404 Session not found" as
// their final result.
TEST_F(McpSessions, EachCallOfALostSessionIsMadeAgainOnTheNewOne) {
  for (const auto scope : {session_scope::shared, session_scope::task}) {
    put_clerk([scope](auto& server) {
      server.session = scope;
      server.repeat = repeat_rule::never;
      server.url += to_string(scope);
    });
    const auto id = ask_clerk();
    be_legacy("old");
    want_read(3);
    if (scope == session_scope::task)
      open_session("old");
    ASSERT_EQ(open_calls("tools/call"), 3U);
    const auto late = open("tools/call") + 2;
    for (int i = 0; i < 2; ++i)
      outbound_->answer(open("tools/call"), 404, "Session not found");
    run();
    open_session("new");
    EXPECT_EQ(open_calls("tools/call"), 3U);
    // The last one to hear of it does not lose the new session.
    outbound_->answer(late, 404, "Session not found");
    run();
    EXPECT_EQ(open_calls("initialize"), 0U);
    ASSERT_EQ(open_calls("tools/call"), 3U);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(session_of(open("tools/call")), "new");
      respond(open("tools/call"), text_result("x"));
    }
    EXPECT_THAT(results(id), ElementsAre(R"("x")", R"("x")", R"("x")"));
    refuse_streams();
    say();
  }
}

TEST_F(McpSessions, ACallIsMadeAgainOnce) {
  share_session();
  const auto id = ask_clerk();
  be_legacy("s0");
  want_read();
  outbound_->answer(open("tools/call"), 404, "");
  run();
  open_session("s1");
  outbound_->answer(open("tools/call"), 404, "");
  run();
  EXPECT_EQ(times("initialize"), 2U);
  EXPECT_THAT(results(id), ElementsAre(HasSubstr("HTTP 404")));
}

TEST_F(McpSessions, AServerThatForgetsEverySessionIsNotGreetedForEver) {
  const auto id = ask_clerk();
  refuse_discover();
  for (int round = 0; round < 2; ++round) {
    open_session("s");
    refuse_streams();
    outbound_->answer(open("tools/list"), 400, "no such session");
    run();
  }
  EXPECT_EQ(outbound_->open(), 0U);
  EXPECT_EQ(outcomes(id), "failed");
}

// An initialize that takes its time: the opening failed.
TEST_F(McpSessions, ACallWaitsForASessionThatOpens) {
  share_session();
  const auto id = ask_clerk();
  be_legacy("s0");
  want_read();
  outbound_->answer(open("tools/call"), 404, "");
  run();
  ASSERT_EQ(open_calls("initialize"), 1U);
  const auto other = ask_clerk();
  want_read();
  EXPECT_EQ(open_calls("initialize"), 1U);
  open_session("s1");
  EXPECT_EQ(open_calls("tools/call"), 2U);
  for (int i = 0; i < 2; ++i)
    respond(open("tools/call"), text_result("x"));
  EXPECT_EQ(results(id).size() + results(other).size(), 2U);
}

// -- sessions: whose they are -------------------------------------------------------------------

TEST_F(McpSessions, EachTaskHasItsOwn) {
  const auto one = ask_clerk();
  be_legacy("main");
  const auto two = ask_clerk();
  want_read();
  want_read();
  ASSERT_EQ(open_calls("initialize"), 2U);
  open_session("one");
  open_session("two");
  refuse_streams();
  ASSERT_EQ(open_calls("tools/call"), 2U);
  const auto first = open("tools/call");
  EXPECT_EQ((std::set<std::string>{session_of(first), session_of(first + 1)}), (std::set<std::string>{"one", "two"}));
  for (int i = 0; i < 2; ++i)
    respond(open("tools/call"), text_result("x"));
  // Whoever is done ends its session, and no other.
  EXPECT_EQ(times("DELETE"), 0U);
  say();
  ASSERT_EQ(times("DELETE"), 1U);
  EXPECT_EQ(session_of(open("DELETE")), "one");
  outbound_->answer(open("DELETE"), 200, "");
  say();
  EXPECT_EQ(session_of(open("DELETE")), "two");
  EXPECT_EQ(status(one), task_status::completed);
  EXPECT_EQ(status(two), task_status::completed);
}

TEST_F(McpSessions, AreNotOpenedForTasksThatCallNothing) {
  ask_clerk();
  be_legacy("main");
  say();
  EXPECT_EQ(times("initialize"), 1U);
  EXPECT_EQ(times("DELETE"), 0U);
}

TEST_F(McpSessions, OneIsSharedIfTheServerHasNone) {
  ask_clerk();
  refuse_discover();
  open_session("");
  list();
  want_read();
  EXPECT_EQ(open_calls("tools/call"), 1U);
  EXPECT_EQ(times("initialize"), 1U);
  EXPECT_EQ(times("GET"), 0U);
}

TEST_F(McpSessions, TheNextAttemptGoesOnInTheSameOne) {
  const auto id = ask_clerk();
  be_legacy("main");
  want_read();
  open_session("own");
  refuse_streams();
  outbound_->answer(open("tools/call"), 503, "");
  run();
  advance(1s);
  EXPECT_EQ(session_of(open("tools/call")), "own");
  respond(open("tools/call"), text_result("x"));
  say();
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(times("DELETE"), 1U);
}

TEST_F(McpSessions, OfATaskThatHasFailedEndsAfterAWhile) {
  const auto id = ask_clerk();
  be_legacy("main");
  want_read();
  open_session("own");
  refuse_streams();
  respond(open("tools/call"), text_result("x"));
  outbound_->answer(open("model"), 400, "{}");
  run();
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(times("DELETE"), 0U);
  advance(61s);
  EXPECT_EQ(session_of(open("DELETE")), "own");
}

TEST_F(McpSessions, OfATaskThatIsCancelledWhileItOpensIsEnded) {
  const auto id = ask_clerk();
  be_legacy("main");
  want_read();
  const auto opening = open("initialize");
  value_of(ask_supervisor(make_cancel(id)));
  advance(61s);
  respond(opening, {{"protocolVersion", "2025-11-25"}, {"capabilities", json::object()}},
          {{"mcp-session-id", "orphan"}});
  EXPECT_EQ(session_of(open("DELETE")), "orphan");
}

TEST_F(McpSessions, AreEndedWhenNobodyAsksAnyMore) {
  share_session();
  ask_clerk();
  be_legacy("main");
  say();
  advance(11min);
  EXPECT_EQ(session_of(open("DELETE")), "main");
}

TEST_F(McpSessions, AreEndedWithTheirService) {
  share_session();
  ask_clerk();
  be_legacy("main");
  say();
  const auto actors = living_actors();
  caf::anon_send_exit(peers()->tools, caf::exit_reason::user_shutdown);
  run();
  EXPECT_EQ(session_of(open("DELETE")), "main");
  // The node has started the service again; the server's actor waits for the answer.
  EXPECT_EQ(living_actors(), actors);
  outbound_->answer(open("DELETE"), 200, "");
  run();
  EXPECT_EQ(living_actors(), actors - 1);
}

// github-mcp-server (dynamic toolsets), playwright: a session gets tools that others do not have.
TEST_F(McpSessions, MayHaveToolsOfTheirOwn) {
  const auto id = ask_clerk();
  be_legacy("main");
  want_read();
  open_session("own", true);
  refuse_streams();
  const auto call = open("tools/call");
  outbound_->event(call, R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  outbound_->event(call, result_for(call, text_result("enabled")));
  outbound_->end(call);
  run();
  EXPECT_EQ(session_of(open("tools/list")), "own");
  list({"read", "extra"});
  EXPECT_EQ(sent(open("model"))["tools"].size(), 2U);
  want({{"files__extra", "{}"}});
  EXPECT_EQ(session_of(open("tools/call")), "own");
  respond(open("tools/call"), text_result("x"));
  EXPECT_EQ(results(id).size(), 2U);
}

} // namespace troupe
