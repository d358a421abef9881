#include "tests/actors/mcp_fixture.hpp"

#include <gmock/gmock.h>

/// The tools of MCP servers: lists, calls, and how they end.
namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class McpTools : public mcp_fixture {
protected:
  /// A legacy server whose one session everybody shares.
  void share_session() {
    put_clerk([](auto& server) { server.session = session_scope::shared; });
  }
  void put_rule(repeat_rule rule) {
    put_clerk([rule](auto& server) {
      server.session = session_scope::shared;
      server.repeat = rule;
    });
  }
  static std::string error_in(const std::string& result) {
    return nlohmann::json::parse(result).at("error").get<std::string>();
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

// opencode#5103, and situations 1: three attempts, and "HTTP 400" with nothing else.
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

// -- calls: what is answered as it comes -----------------------------------------------------

// Situation 4: answered after the call, so that both waited.
TEST_F(McpTools, TheServersQuestionsAreAnsweredWhileTheCallIsOpen) {
  share_session();
  const auto id = ask_clerk();
  be_legacy("s1");
  want_read();
  const auto call = open("tools/call");
  outbound_->event(call, R"({"jsonrpc":"2.0","id":"p1","method":"ping"})");
  outbound_->event(call, R"({"jsonrpc":"2.0","id":2,"method":"elicitation/create","params":{}})");
  outbound_->event(call, R"({"jsonrpc":"2.0","id":3,"method":"sampling/createMessage","params":{}})");
  run();
  ASSERT_EQ(times("answer"), 3U);
  const auto first = open("answer");
  EXPECT_EQ(session_of(first), "s1");
  EXPECT_EQ(sent(first), json::parse(R"({"jsonrpc":"2.0","id":"p1","result":{}})"));
  EXPECT_EQ(sent(first + 1)["error"]["code"], -32601);
  EXPECT_EQ(sent(first + 2)["id"], 3);
  outbound_->event(call, result_for(call, text_result("after all")));
  run();
  EXPECT_THAT(results(id), ElementsAre(R"("after all")"));
}

TEST_F(McpTools, TheServersOwnStreamMayAskToo) {
  share_session();
  ask_clerk();
  refuse_discover();
  open_session("main");
  list();
  outbound_->event(open("GET"), R"({"jsonrpc":"2.0","id":1,"method":"roots/list"})");
  run();
  EXPECT_EQ(sent(open("answer"))["error"]["code"], -32601);
}

TEST_F(McpTools, AServerThatAsksForEverIsNotAnsweredForEver) {
  share_session();
  ask_clerk();
  be_legacy();
  want_read();
  for (int i = 0; i < 500; ++i)
    outbound_->event(open("tools/call"), R"({"jsonrpc":"2.0","id":1,"method":"ping"})");
  run();
  EXPECT_EQ(times("answer"), 100U);
}

// -- calls: how they end -------------------------------------------------------------------------

TEST_F(McpTools, ALongMessageIsRead) {
  share_session();
  const auto id = ask_clerk();
  be_legacy();
  want_read();
  const auto call = open("tools/call");
  std::string text;
  while (text.size() < 3 * 1024 * 1024)
    text += "three words and ";
  outbound_->event(call, result_for(call, text_result(text)));
  run();
  EXPECT_THAT(results(id), ElementsAre('"' + text + '"'));
}

TEST_F(McpTools, AMessageThatIsTooLongIsNamedSo) {
  share_session();
  const auto id = ask_clerk();
  be_legacy();
  want_read(2);
  const std::string text(5 * 1024 * 1024, 'x');
  outbound_->event(open("tools/call"), text);
  run();
  const auto plain = open("tools/call");
  outbound_->calls[plain].listener->on_head({200, {{"content-type", "application/json"}}});
  outbound_->calls[plain].listener->on_data(text);
  run();
  ASSERT_EQ(results(id).size(), 2U);
  for (const auto& result : results(id))
    EXPECT_THAT(result, HasSubstr("longer than 4194304 bytes (4 MiB)"));
}

// Situation 8: the tool's own error, final whatever the rule.
TEST_F(McpTools, AStreamWithoutTheAnswerIsAnUnknownOutcome) {
  put_rule(repeat_rule::never);
  const auto id = ask_clerk();
  be_legacy();
  want_read(3);
  outbound_->event(open("tools/call"), R"({"jsonrpc":"2.0","method":"notifications/message"})");
  outbound_->end(open("tools/call"));
  run();
  const auto second = open("tools/call");
  outbound_->answer(second, 200, "");
  outbound_->answer(open("tools/call"), 202, "");
  run();
  ASSERT_EQ(results(id).size(), 3U);
  for (const auto& result : results(id))
    EXPECT_THAT(result, HasSubstr("outcome is unknown"));
  EXPECT_EQ(times("tools/call"), 3U);
}

TEST_F(McpTools, AStreamWithoutTheAnswerIsMadeAgainIfTheRuleSaysSo) {
  for (const auto rule : {repeat_rule::safe, repeat_rule::with_key}) {
    put_rule(rule);
    const auto before = times("tools/call");
    const auto id = ask_clerk();
    if (before == 0)
      be_legacy();
    want_read();
    outbound_->answer(open("tools/call"), 200, "");
    run();
    advance(1s);
    EXPECT_EQ(times("tools/call"), before + 2);
    respond(open("tools/call"), text_result("at last"));
    EXPECT_THAT(results(id), ElementsAre(R"("at last")"));
    say();
  }
}

// Revision 2025-11-25, "Resumability"; server-everything 2026.8.31 gives its events ids.
TEST_F(McpTools, AStreamThatBreaksIsTakenUpWhereItWas) {
  put_rule(repeat_rule::never);
  const auto id = ask_clerk();
  be_legacy("s1");
  want_read();
  const auto call = open("tools/call");
  outbound_->piece(call, "id: e1\nretry: 500\ndata: \n\n");
  outbound_->end(call);
  run();
  EXPECT_EQ(open_calls("GET"), 0U);
  advance(500ms);
  const auto again = open("GET");
  EXPECT_EQ(header(outbound_->calls[again], "Last-Event-ID"), "e1");
  EXPECT_EQ(session_of(again), "s1");
  outbound_->piece(again, "id: e2\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n");
  outbound_->fail(again, outbound_errc::cut_off);
  run();
  advance(1s);
  const auto last = open("GET");
  EXPECT_EQ(header(outbound_->calls[last], "Last-Event-ID"), "e2");
  outbound_->event(last, result_for(call, text_result("at last")));
  run();
  EXPECT_THAT(results(id), ElementsAre(R"("at last")"));
  EXPECT_EQ(times("tools/call"), 1U);
}

TEST_F(McpTools, AStreamThatCannotBeTakenUpIsAnUnknownOutcome) {
  put_rule(repeat_rule::never);
  const auto id = ask_clerk();
  be_legacy();
  want_read(2);
  for (int i = 0; i < 2; ++i) {
    const auto call = open("tools/call");
    outbound_->piece(call, "id: e1\ndata: \n\n");
    outbound_->end(call);
    run();
  }
  advance(1s);
  outbound_->answer(open("GET"), 405, "");
  run();
  for (int i = 0; i < 5; ++i) {
    outbound_->piece(open("GET"), ": nothing\n\n");
    outbound_->end(open("GET"));
    run();
    advance(1s);
  }
  ASSERT_EQ(results(id).size(), 2U);
  for (const auto& result : results(id))
    EXPECT_THAT(result, HasSubstr("outcome is unknown"));
}

TEST_F(McpTools, ARefusalIsForTheModelToRead) {
  share_session();
  const auto id = ask_clerk();
  be_legacy();
  want_read(2);
  refuse(open("tools/call"), 200, -32602, "Tool read not found");
  refuse(open("tools/call"), 400, -32602, "Bad path");
  ASSERT_EQ(results(id).size(), 2U);
  EXPECT_EQ(error_in(results(id)[0]), "The MCP server refused: Tool read not found.");
  EXPECT_EQ(error_in(results(id)[1]), "The MCP server refused (HTTP 400): Bad path.");
}

// -- calls: time, and whose there are --------------------------------------------------------------

TEST_F(McpTools, ACallThatTakesTooLongIsCancelledThere) {
  share_session();
  const auto id = ask_clerk();
  be_legacy("s1");
  want_read();
  const auto call = open("tools/call");
  advance(30s);
  EXPECT_TRUE(outbound_->calls[call].cancelled);
  const auto told = open("notifications/cancelled");
  EXPECT_EQ(session_of(told), "s1");
  EXPECT_EQ(sent(told)["params"]["requestId"], sent(call)["id"]);
  advance(1s);
  EXPECT_EQ(times("tools/call"), 2U);
  EXPECT_EQ(status(id), task_status::running);
}

TEST_F(McpTools, ACallWhoseTimeIsUpHasAnUnknownOutcome) {
  put_rule(repeat_rule::never);
  const auto id = ask_clerk();
  be_legacy();
  want_read();
  advance(30s);
  ASSERT_EQ(results(id).size(), 1U);
  EXPECT_THAT(results(id)[0], HasSubstr("outcome is unknown"));
  EXPECT_THAT(asked(), Contains("notifications/cancelled"));
}

TEST_F(McpTools, CancellingATaskTellsTheServer) {
  share_session();
  const auto id = ask_clerk();
  be_legacy();
  want_read();
  const auto call = open("tools/call");
  value_of(ask_supervisor(make_cancel(id)));
  EXPECT_TRUE(outbound_->calls[call].cancelled);
  EXPECT_EQ(open_calls("notifications/cancelled"), 1U);
}

TEST_F(McpTools, OnlySoManyCallsAreMadeAtOnce) {
  share_session();
  const auto id = ask_clerk();
  be_legacy();
  want_read(40);
  EXPECT_EQ(open_calls("tools/call"), 32U);
  for (int i = 0; i < 40; ++i)
    respond(open("tools/call"), text_result("x"));
  EXPECT_EQ(results(id).size(), 40U);
}

TEST_F(McpTools, CallsThatWaitTooLongSayThatTheyWereNotMade) {
  put_rule(repeat_rule::never);
  const auto id = ask_clerk();
  be_legacy();
  want_read(33);
  advance(30s);
  ASSERT_EQ(results(id).size(), 33U);
  EXPECT_THAT(results(id), Contains(HasSubstr("could not be made")).Times(1));
  EXPECT_EQ(times("tools/call"), 32U);
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
