#include "tests/actors/mcp_fixture.hpp"

#include <gmock/gmock.h>

/// Calls of MCP tools, and how they end.
namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class McpCalls : public mcp_fixture {
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

// -- calls: what is answered as it comes -----------------------------------------------------

// PrefectHQ/fastmcp#1212, yjacquin/fast-mcp#38: answered after the call, so that both waited.
TEST_F(McpCalls, TheServersQuestionsAreAnsweredWhileTheCallIsOpen) {
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

TEST_F(McpCalls, TheServersOwnStreamMayAskToo) {
  share_session();
  ask_clerk();
  refuse_discover();
  open_session("main");
  list();
  outbound_->event(open("GET"), R"({"jsonrpc":"2.0","id":1,"method":"roots/list"})");
  run();
  EXPECT_EQ(sent(open("answer"))["error"]["code"], -32601);
}

TEST_F(McpCalls, AServerThatAsksForEverIsNotAnsweredForEver) {
  share_session();
  ask_clerk();
  be_legacy();
  want_read();
  for (int i = 0; i < 500; ++i)
    outbound_->event(open("tools/call"), R"({"jsonrpc":"2.0","id":1,"method":"ping"})");
  run();
  while (open_calls("answer") > 0) {
    EXPECT_LE(open_calls("answer"), 4U);
    outbound_->answer(open("answer"), 202, "");
    run();
  }
  EXPECT_EQ(times("answer"), 100U);
}

// 5,000 requests in one answer were 5,000 connections (issue 10 of this project).
TEST_F(McpCalls, AnAnswerFullOfQuestionsIsAnsweredAFewAtATime) {
  share_session();
  const auto id = ask_clerk();
  be_legacy();
  want_read();
  const auto call = open("tools/call");
  json batch = json::array();
  for (int i = 0; i < 90; ++i)
    batch.push_back({{"jsonrpc", "2.0"}, {"id", i}, {"method", i % 2 == 0 ? "ping" : "sampling/createMessage"}});
  batch.push_back(json::parse(result_for(call, text_result("done"))));
  outbound_->answer(call, 200, batch.dump());
  run();
  EXPECT_EQ(open_calls("answer"), 4U);
  EXPECT_THAT(results(id), ElementsAre(R"("done")"));
  outbound_->fail(open("answer"), outbound_errc::timed_out);
  run();
  EXPECT_EQ(open_calls("answer"), 4U);
  EXPECT_EQ(times("answer"), 5U);
}

TEST_F(McpCalls, AnAnswerToAnAnswerIsNotAnswered) {
  share_session();
  ask_clerk();
  be_legacy();
  want_read();
  const std::string ping = R"({"jsonrpc":"2.0","id":"again","method":"ping"})";
  const header_list as_json{{"content-type", "application/json"}};
  const header_list as_stream{{"content-type", "text/event-stream"}};
  struct reply {
    unsigned status;
    std::string body;
    header_list headers;
  };
  std::size_t asked_for = 0;
  for (const auto& one : std::vector<reply>{{200, ping, as_json},
                                            {202, ping, as_json},
                                            {200, "data: " + ping + "\n\n", as_stream},
                                            {400, ping, as_json},
                                            {500, '[' + ping + ',' + ping + ']', as_json},
                                            {404, ping, as_stream}}) {
    outbound_->event(open("tools/call"), R"({"jsonrpc":"2.0","id":1,"method":"ping"})");
    run();
    EXPECT_EQ(times("answer"), ++asked_for);
    outbound_->answer(open("answer"), one.status, one.body, one.headers);
    run();
    EXPECT_EQ(times("answer"), asked_for) << one.status << one.body;
  }
}

TEST_F(McpCalls, ARefusalAsksNothing) {
  share_session();
  ask_clerk();
  be_legacy();
  want_read();
  outbound_->answer(open("tools/call"), 500,
                    R"([{"jsonrpc":"2.0","id":"p","method":"ping"},{"jsonrpc":"2.0","id":"q","method":"roots/list"}])");
  run();
  EXPECT_EQ(times("answer"), 0U);
}

// -- calls: how they end -------------------------------------------------------------------------

TEST_F(McpCalls, ALongMessageIsRead) {
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

TEST_F(McpCalls, AStreamThatDoesNotSaySoIsReadAsOne) {
  share_session();
  const auto id = ask_clerk();
  be_legacy();
  want_read(3);
  for (const auto* type : {"text/plain", "application/json", "Text/Event-Stream; charset=utf-8"}) {
    const auto call = open("tools/call");
    outbound_->answer(call, 200, "event: message\ndata: " + result_for(call, text_result("x")) + "\n\n",
                      {{"content-type", type}});
    run();
  }
  EXPECT_THAT(results(id), ElementsAre(R"("x")", R"("x")", R"("x")"));
}

TEST_F(McpCalls, NumbersKeepTheirDigits) {
  share_session();
  const auto id = ask_clerk();
  be_legacy();
  want({{"files__read", R"({"n":1000000000000000000001,"x":1.10})"}});
  const auto call = open("tools/call");
  EXPECT_THAT(outbound_->calls[call].request.body, HasSubstr(R"({"n":1000000000000000000001,"x":1.10})"));
  outbound_->answer(call, 200,
                    R"({"jsonrpc":"2.0","id":)" + sent(call)["id"].dump()
                      + R"(,"result":{"content":[],"structuredContent":{"n":-1000000000000000000001,"x":1.10}}})");
  run();
  EXPECT_THAT(results(id), ElementsAre(R"({"n":-1000000000000000000001,"x":1.10})"));
}

TEST_F(McpCalls, AMessageThatIsTooLongIsNamedSo) {
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

// modelcontextprotocol/csharp-sdk#510, php-sdk#327: taken for the tool's own error, final whatever the rule.
TEST_F(McpCalls, AStreamWithoutTheAnswerIsAnUnknownOutcome) {
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

TEST_F(McpCalls, AStreamWithoutTheAnswerIsMadeAgainIfTheRuleSaysSo) {
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
TEST_F(McpCalls, AStreamThatBreaksIsTakenUpWhereItWas) {
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

TEST_F(McpCalls, AStreamThatCannotBeTakenUpIsAnUnknownOutcome) {
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

TEST_F(McpCalls, ARefusalIsForTheModelToRead) {
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

TEST_F(McpCalls, ACallThatTakesTooLongIsCancelledThere) {
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

TEST_F(McpCalls, ACallWhoseTimeIsUpHasAnUnknownOutcome) {
  put_rule(repeat_rule::never);
  const auto id = ask_clerk();
  be_legacy();
  want_read();
  advance(30s);
  ASSERT_EQ(results(id).size(), 1U);
  EXPECT_THAT(results(id)[0], HasSubstr("outcome is unknown"));
  EXPECT_THAT(asked(), Contains("notifications/cancelled"));
}

TEST_F(McpCalls, CancellingATaskTellsTheServer) {
  share_session();
  const auto id = ask_clerk();
  be_legacy();
  want_read();
  const auto call = open("tools/call");
  value_of(ask_supervisor(make_cancel(id)));
  EXPECT_TRUE(outbound_->calls[call].cancelled);
  EXPECT_EQ(open_calls("notifications/cancelled"), 1U);
}

TEST_F(McpCalls, OnlySoManyCallsAreMadeAtOnce) {
  share_session();
  const auto id = ask_clerk();
  be_legacy();
  want_read(40);
  EXPECT_EQ(open_calls("tools/call"), 32U);
  for (int i = 0; i < 40; ++i)
    respond(open("tools/call"), text_result("x"));
  EXPECT_EQ(results(id).size(), 40U);
}

TEST_F(McpCalls, CallsThatWaitTooLongSayThatTheyWereNotMade) {
  put_rule(repeat_rule::never);
  const auto id = ask_clerk();
  be_legacy();
  want_read(33);
  advance(30s);
  ASSERT_EQ(results(id).size(), 33U);
  EXPECT_THAT(results(id), Contains(HasSubstr("could not be made")).Times(1));
  EXPECT_EQ(times("tools/call"), 32U);
}

// -- servers that are elsewhere, or answer oddly -------------------------------------

// modelcontextprotocol/python-sdk#732, PrefectHQ/fastmcp#1867.
TEST_F(McpCalls, AServerThatSendsToAnotherPathIsFollowedThere) {
  share_session();
  const auto id = ask_clerk();
  const auto first = open("server/discover");
  outbound_->answer(first, 307, "", {{"location", "/mcp/"}});
  run();
  const auto again = open("server/discover");
  EXPECT_EQ(outbound_->calls.at(again).request.url, "https://mcp.test/mcp/");
  EXPECT_EQ(outbound_->calls.at(again).request.body, outbound_->calls.at(first).request.body);
  be_legacy();
  want_read();
  EXPECT_EQ(outbound_->calls.at(open("tools/call")).request.url, "https://mcp.test/mcp/");
  respond(open("tools/call"), text_result("there"));
  EXPECT_THAT(results(id), ElementsAre(R"("there")"));
}

TEST_F(McpCalls, AServerThatSendsInCirclesOrToAnotherHostIsNotFollowed) {
  const auto around = ask_clerk();
  for (int i = 0; i < 20 && open_calls("server/discover") > 0; ++i) {
    outbound_->answer(open("server/discover"), 307, "", {{"location", "/mcp"}});
    run();
  }
  EXPECT_EQ(times("server/discover"), 4U);
  lose_supervisor();
  EXPECT_NE(status(around), task_status::completed);
}

// A server of the oldest transport, which never ends its stream.
TEST_F(McpCalls, AServerOfTheOldestTransportIsNamedSo) {
  const auto id = ask_clerk();
  outbound_->piece(open("server/discover"), "event: endpoint\ndata: /messages?id=1\n\n");
  run();
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(outcomes(id), "failed");
  EXPECT_THAT(task(id).error.value_or(""), HasSubstr("2024-11-05"));
}

// A body holds one answer, which can be nobody else's.
TEST_F(McpCalls, AnAnswerInOnePieceIsTheOneWhateverItsId) {
  share_session();
  for (const auto* odd : {"0", "null", R"("abc")", "5.5"}) {
    const auto id = ask_clerk();
    if (times("tools/call") == 0)
      be_legacy();
    want_read();
    outbound_->answer(open("tools/call"), 200,
                      R"({"jsonrpc":"2.0","id":)" + std::string{odd}
                        + R"(,"result":{"content":[{"type":"text","text":"done"}]}})");
    run();
    EXPECT_THAT(results(id), ElementsAre(R"("done")")) << odd;
    outbound_->reply(open("model"), "fine");
    run();
  }
}

} // namespace troupe
