#include "tests/actors/mcp_fixture.hpp"

#include <gmock/gmock.h>

/// The tools of MCP servers: whether they are there, and how they are listed.
namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class McpTools : public mcp_fixture {
protected:
  /// A legacy server whose one session everybody shares.
  void share_session() {
    put_clerk([](auto& server) { server.session = session_scope::shared; });
  }
};

} // namespace

TEST_F(McpTools, AreFoundListedAndCalled) {
  share_session();
  const auto id = ask_clerk();
  EXPECT_THAT(asked(), ElementsAre("server/discover"));
  be_legacy("s1");
  EXPECT_THAT(asked(),
              ElementsAre("server/discover", "initialize", "notifications/initialized", "GET", "tools/list", "model"));
  EXPECT_EQ(sent(5)["tools"][0]["function"]["name"], "files__read");
  want({{"files__read", R"({"path":"a"})"}});
  const auto call = open("tools/call");
  EXPECT_EQ(sent(call)["params"]["name"], "read");
  EXPECT_EQ(session_of(call), "s1");
  EXPECT_EQ(header(outbound_->calls[call], "MCP-Protocol-Version"), "2025-11-25");
  respond(call, text_result("hello"));
  EXPECT_THAT(results(id), ElementsAre(R"("hello")"));
  say("It says hello.");
  EXPECT_EQ(status(id), task_status::completed);
}

TEST_F(McpTools, AListIsKeptForAWhile) {
  ask_clerk();
  be_legacy();
  say();
  ask_clerk();
  EXPECT_EQ(times("tools/list"), 1U);
  say();
  advance(61s);
  ask_clerk();
  list();
  EXPECT_EQ(times("tools/list"), 2U);
  say();
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

// -- what cannot change ------------------------------------------------------------------

// anomalyco/opencode#5103: three attempts, and "HTTP 400" with nothing else.
TEST_F(McpTools, AVersionThatIsNotSpokenFailsAtOnceAndSaysWhy) {
  const auto id = ask_clerk();
  refuse(open("server/discover"), 400, -32022, "Unsupported protocol version", {{"supported", {"2027-01-01"}}});
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(outcomes(id), "failed");
  EXPECT_THAT(task(id).error.value_or(""), HasSubstr("2027-01-01"));
}

TEST_F(McpTools, ACredentialThatIsNoGoodFailsAtOnce) {
  for (const unsigned code : {401U, 403U, 404U}) {
    put_clerk([code](auto& server) { server.url += std::to_string(code); });
    const auto id = ask_clerk();
    outbound_->answer(open("server/discover"), code, R"({"error":{"message":"You may not."}})");
    run();
    if (code != 401) {
      outbound_->answer(open("initialize"), code, R"({"error":{"message":"You may not."}})");
      run();
    }
    EXPECT_EQ(status(id), task_status::failed);
    EXPECT_EQ(outcomes(id), "failed");
    EXPECT_THAT(task(id).error.value_or(""), HasSubstr("HTTP " + std::to_string(code) + ": You may not."));
  }
}

TEST_F(McpTools, WhoeverSaysHowLongToWaitIsObeyed) {
  const auto id = ask_clerk();
  outbound_->answer(open("server/discover"), 503, "", {{"retry-after", "7"}});
  run();
  outbound_->answer(open("initialize"), 503, "", {{"retry-after", "7"}});
  run();
  EXPECT_EQ(status(id), task_status::running);
  advance(6s);
  EXPECT_EQ(open_calls("server/discover"), 0U);
  advance(2s);
  EXPECT_EQ(open_calls("server/discover"), 1U);
}

// -- pages -----------------------------------------------------------------------------------

// Situation: an empty page with a cursor, 21,856 requests in five seconds; one cursor for ever, 500 a minute.
TEST_F(McpTools, AListThatGoesInCirclesEnds) {
  for (const auto* cursor : {"same", ""}) {
    const auto before = times("tools/list");
    put_clerk([cursor](auto& server) { server.url += cursor; });
    ask_clerk();
    refuse_discover();
    open_session("main");
    refuse_streams();
    for (int i = 0; i < 2; ++i)
      respond(open("tools/list"), {{"tools", json::array()}, {"nextCursor", cursor}});
    EXPECT_EQ(times("tools/list") - before, 2U);
    say();
  }
}

TEST_F(McpTools, AListWithoutAnEndIsCut) {
  ask_clerk();
  refuse_discover();
  open_session("main");
  refuse_streams();
  while (open_calls("tools/list") > 0 && times("tools/list") < 1000)
    respond(open("tools/list"), {{"tools", json::array()}, {"nextCursor", std::to_string(times("tools/list"))}});
  EXPECT_EQ(times("tools/list"), 50U);
  say();
}

TEST_F(McpTools, NobodyIsAskedForAListThatNobodyWaitsFor) {
  const auto id = ask_clerk();
  refuse_discover();
  open_session("main");
  refuse_streams();
  const auto page = open("tools/list");
  value_of(ask_supervisor(make_cancel(id)));
  EXPECT_TRUE(call(page).cancelled);
  EXPECT_EQ(open_calls("tools/list"), 0U);
}

TEST_F(McpTools, AListIsNotWaitedForForEver) {
  const auto id = ask_clerk();
  refuse_discover();
  open_session("main");
  refuse_streams();
  for (int i = 0; i < 3; ++i) {
    respond(open("tools/list"), {{"tools", json::array()}, {"nextCursor", std::to_string(i)}});
    advance(16s);
  }
  EXPECT_EQ(open_calls("tools/list"), 1U);
  advance(12s);
  EXPECT_EQ(open_calls("tools/list"), 0U);
  EXPECT_EQ(outcomes(id), "failed");
}

TEST_F(McpTools, AnOldListIsBetterThanNone) {
  ask_clerk();
  be_legacy();
  say();
  advance(61s);
  const auto id = ask_clerk();
  outbound_->answer(open("tools/list"), 503, "");
  run();
  say();
  EXPECT_EQ(status(id), task_status::completed);
  // It is not asked for again at once.
  ask_clerk();
  EXPECT_EQ(open_calls("tools/list"), 0U);
  say();
}

// -- servers without tools ----------------------------------------------------------------

TEST_F(McpTools, AServerWithoutToolsHasNone) {
  for (const auto& capabilities : {json::object(), json{{"prompts", json::object()}}}) {
    put_clerk([&](auto& server) { server.url += std::to_string(capabilities.size()); });
    const auto id = ask_clerk();
    refuse_discover();
    open_session("main", false, capabilities);
    refuse_streams();
    EXPECT_FALSE(sent(open("model")).contains("tools"));
    say();
    EXPECT_EQ(status(id), task_status::completed);
  }
  EXPECT_EQ(times("tools/list"), 0U);
}

TEST_F(McpTools, AServerThatKnowsNoListHasNone) {
  const auto id = ask_clerk();
  refuse_discover();
  open_session("main");
  refuse_streams();
  refuse(open("tools/list"), 200, -32601, "Method not found");
  say();
  EXPECT_EQ(status(id), task_status::completed);
}

// -- tools that come and go ------------------------------------------------------------------

TEST_F(McpTools, AToolThatIsNewIsLookedForBeforeThereIsNone) {
  share_session();
  const auto id = ask_clerk();
  be_legacy();
  want({{"files__write", "{}"}});
  list({"read", "write"});
  respond(open("tools/call"), text_result("written"));
  EXPECT_THAT(results(id), ElementsAre(R"("written")"));
  // The model sees it too.
  EXPECT_EQ(sent(open("model"))["tools"].size(), 2U);
  want({{"files__erase", "{}"}});
  list({"read", "write"});
  EXPECT_THAT(results(id)[1], HasSubstr("no such tool"));
}

TEST_F(McpTools, AToolThatIsNewIsNotCalledPastItsApproval) {
  put_clerk([](auto& server) { server.requires_approval = true; });
  const auto id = ask_clerk();
  be_legacy();
  want({{"files__write", "{}"}});
  list({"read", "write"});
  EXPECT_EQ(times("tools/call"), 0U);
  EXPECT_THAT(story(id), HasSubstr("approval:requested"));
}

TEST_F(McpTools, AServersOwnStreamSaysWhenToolsChange) {
  share_session();
  ask_clerk();
  refuse_discover();
  open_session("main", true);
  const auto stream = open("GET");
  EXPECT_EQ(session_of(stream), "main");
  list();
  outbound_->event(stream, R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  run();
  want_read();
  respond(open("tools/call"), text_result("a"));
  list({"read", "write"});
  EXPECT_EQ(sent(open("model"))["tools"].size(), 2U);
}

TEST_F(McpTools, AStreamThatEndsIsOpenedAgain) {
  share_session();
  ask_clerk();
  refuse_discover();
  open_session("main", true);
  list();
  outbound_->piece(open("GET"), "id: e1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\n");
  outbound_->end(open("GET"));
  run();
  EXPECT_EQ(open_calls("GET"), 0U);
  advance(6s);
  EXPECT_EQ(header(outbound_->calls[open("GET")], "Last-Event-ID"), "e1");
}

// -- names ----------------------------------------------------------------------------------------

TEST_F(McpTools, NamesThatBecomeEqualStayApart) {
  share_session();
  const auto id = ask_clerk();
  be_legacy("s1", {"a.b", "a/b", "a_b"});
  const auto tools = sent(open("model"))["tools"];
  ASSERT_EQ(tools.size(), 3U);
  const auto second = tools[1]["function"]["name"].get<std::string>();
  want({{second, "{}"}});
  EXPECT_EQ(sent(open("tools/call"))["params"]["name"], "a/b");
  respond(open("tools/call"), text_result("x"));
  EXPECT_EQ(results(id).size(), 1U);
}

TEST_F(McpTools, ABotPicksAmongThem) {
  put_clerk([](auto& server) {
    server.allow = {"read*"};
    server.deny = {"read_all"};
  });
  ask_clerk();
  be_legacy("s1", {"read", "read_all", "write"});
  EXPECT_EQ(sent(open("model"))["tools"].size(), 1U);
}

} // namespace troupe
