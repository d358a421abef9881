#include "actors/tools/mcp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace troupe {

namespace {

using nlohmann::json;
using testing::HasSubstr;

mcp::response response_in(const std::string& text) {
  auto message = mcp::read(text);
  if (const auto* wrong = std::get_if<mcp::malformed>(&message))
    ADD_FAILURE() << wrong->error;
  auto* response = std::get_if<mcp::response>(&message);
  EXPECT_NE(response, nullptr) << text;
  return response ? std::move(*response) : mcp::response{};
}

bool is_malformed(const std::string& text) {
  return std::holds_alternative<mcp::malformed>(mcp::read(text));
}

std::string content_of(const std::string& result) {
  const auto read = mcp::read_call(result);
  EXPECT_FALSE(read.failed) << read.content;
  EXPECT_TRUE(json::accept(read.content)) << read.content;
  return read.content;
}

std::string error_of(const std::string& result) {
  const auto read = mcp::read_call(result);
  EXPECT_TRUE(read.failed) << read.content;
  return json::parse(read.content).at("error").get<std::string>();
}

std::string nested(int times) {
  return std::string(static_cast<std::size_t>(times), '[') + std::string(static_cast<std::size_t>(times), ']');
}

} // namespace

// -- what is sent -------------------------------------------------------------

TEST(Mcp, OpensASession) {
  EXPECT_EQ(json::parse(mcp::initialize(1, "0.1.0")), json::parse(R"({
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "troupe", "version": "0.1.0"}}
  })"));
  EXPECT_EQ(mcp::initialized(), R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
}

TEST(Mcp, AsksForTools) {
  EXPECT_EQ(mcp::list_tools(2, ""), R"({"jsonrpc":"2.0","id":2,"method":"tools/list","params":{}})");
  EXPECT_EQ(mcp::list_tools(3, "a\"b"), R"({"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"cursor":"a\"b"}})");
}

TEST(Mcp, CallsATool) {
  EXPECT_EQ(mcp::call_tool(4, "add", R"({"a": 12345678901234567890123})", ""),
            R"({"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"add",)"
            R"("arguments":{"a": 12345678901234567890123}}})");
  const auto with_key = json::parse(mcp::call_tool(4, "add", " ", "key-1"));
  EXPECT_EQ(with_key["params"]["arguments"], json::object());
  EXPECT_EQ(with_key["params"]["_meta"], json::parse(R"({"idempotencyKey":"key-1"})"));
}

TEST(Mcp, SendsNoArgumentsThatAreNoJsonButAsText) {
  for (const auto* text : {"{\"a\":", "[]", "{},\"more\":{}", "\xff"})
    EXPECT_TRUE(json::parse(mcp::call_tool(4, "add", text, ""))["params"]["arguments"].is_string()) << text;
}

TEST(Mcp, TakesACallBack) {
  EXPECT_EQ(mcp::cancelled(5, "The task has ended."), R"({"jsonrpc":"2.0","method":"notifications/cancelled",)"
                                                      R"("params":{"requestId":5,"reason":"The task has ended."}})");
}

TEST(Mcp, SendsWhatIsKnownOfTheSession) {
  const header_list always{{"Accept", "application/json, text/event-stream"}, {"Content-Type", "application/json"}};
  EXPECT_EQ(mcp::headers_of("", ""), always);
  auto with_session = always;
  with_session.emplace_back("Mcp-Session-Id", "s1");
  with_session.emplace_back("MCP-Protocol-Version", "2025-06-18");
  EXPECT_EQ(mcp::headers_of("s1", "2025-06-18"), with_session);
}

// -- what is received ---------------------------------------------------------

TEST(Mcp, ReadsAnswers) {
  const auto answer = response_in(R"({"jsonrpc":"2.0","id":7,"result":{"a":[1]}})");
  EXPECT_EQ(answer.id, 7);
  EXPECT_EQ(std::get<std::string>(answer.result), R"({"a":[1]})");
}

TEST(Mcp, ReadsRefusals) {
  const auto answer = response_in(R"({"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"no such\ntool"}})");
  EXPECT_EQ(std::get<mcp::error>(answer.result).code, -32602);
  EXPECT_EQ(std::get<mcp::error>(answer.result).message, "no such tool");
  for (const auto* error : {"null", "{}", "[]", R"({"code":"x","message":{}})"}) {
    const auto odd = response_in(R"({"jsonrpc":"2.0","id":7,"error":)" + std::string{error} + "}");
    EXPECT_EQ(std::get<mcp::error>(odd.result).message, "it did not say why");
  }
}

TEST(Mcp, ReadsNotifications) {
  const auto message = mcp::read(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  const auto* note = std::get_if<mcp::notification>(&message);
  ASSERT_NE(note, nullptr);
  EXPECT_EQ(note->method, "notifications/tools/list_changed");
  EXPECT_EQ(mcp::answer_to(*note), std::nullopt);
}

TEST(Mcp, AnswersTheServersRequests) {
  const auto ping = mcp::read(R"({"jsonrpc":"2.0","id":"p-1","method":"ping"})");
  EXPECT_EQ(mcp::answer_to(std::get<mcp::notification>(ping)), R"({"jsonrpc":"2.0","id":"p-1","result":{}})");
  const auto other = mcp::read(R"({"jsonrpc":"2.0","id":9,"method":"sampling/createMessage","params":{}})");
  EXPECT_EQ(mcp::answer_to(std::get<mcp::notification>(other)),
            R"({"jsonrpc":"2.0","id":9,"error":{"code":-32601,"message":"Method not found"}})");
}

TEST(Mcp, RefusesWhatIsNoMessage) {
  for (const auto* text :
       {"", "null", "[]", "{}", "not json", R"([{"jsonrpc":"2.0","id":1,"result":{}}])", R"({"id":1,"result":{}})",
        R"({"jsonrpc":2.0,"id":1,"result":{}})", R"({"jsonrpc":"2.0","id":1})", R"({"jsonrpc":"2.0","result":{}})",
        R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}})",
        R"({"jsonrpc":"2.0","id":"1","result":{}})", R"({"jsonrpc":"2.0","method":7})"})
    EXPECT_TRUE(is_malformed(text)) << text;
  EXPECT_TRUE(is_malformed(R"({"jsonrpc":"2.0","id":1,"result":)" + nested(64) + "}"));
  EXPECT_TRUE(is_malformed(R"({"jsonrpc":"2.0","id":1,"result":)" + nested(500'000) + "}"));
  EXPECT_FALSE(is_malformed(R"({"jsonrpc":"2.0","id":1,"result":)" + nested(63) + "}"));
}

TEST(Mcp, ReadsTheSession) {
  const auto read = mcp::read_session(
    R"({"protocolVersion":"2025-03-26","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"files"}})");
  const auto& session = std::get<mcp::session_info>(read);
  EXPECT_EQ(session.version, "2025-03-26");
  EXPECT_EQ(session.server_name, "files");
  EXPECT_TRUE(session.has_tools);
  const auto bare = mcp::read_session(R"({"protocolVersion":"2024-11-05"})");
  EXPECT_FALSE(std::get<mcp::session_info>(bare).has_tools);
}

TEST(Mcp, RefusesSessionsOfNoVersion) {
  for (const auto* result : {"", "[]", "{}", R"({"protocolVersion":7})", R"({"protocolVersion":"2025-06-18\r\nX: y"})",
                             R"({"protocolVersion":"latest"})"})
    EXPECT_TRUE(std::holds_alternative<mcp::malformed>(mcp::read_session(result))) << result;
}

TEST(Mcp, ReadsTools) {
  const auto read = mcp::read_tools(R"({
    "tools": [
      {"name": "files/read", "description": "Reads.", "inputSchema": {"type": "object"}},
      {"name": "list", "title": "Lists", "inputSchema": 7},
      {"description": "has no name"}, {"name": ""}, {"name": 1}, null
    ],
    "nextCursor": "n"
  })");
  const auto& page = std::get<mcp::tool_page>(read);
  EXPECT_EQ(page.tools,
            (std::vector<tool_definition>{{"files/read", "Reads.", R"({"type":"object"})"}, {"list", "Lists", ""}}));
  EXPECT_EQ(page.next_cursor, "n");
  EXPECT_EQ(std::get<mcp::tool_page>(mcp::read_tools(R"({"tools":[],"nextCursor":null})")).next_cursor, "");
  for (const auto* result : {"", "{}", "[]", R"({"tools":{}})"})
    EXPECT_TRUE(std::holds_alternative<mcp::malformed>(mcp::read_tools(result))) << result;
}

TEST(Mcp, TakesStructuredResultsAsTheyAre) {
  EXPECT_EQ(content_of(R"({"content":[{"type":"text","text":"{\"a\":1}"}],"structuredContent":{"a":1}})"),
            R"({"a":1})");
  EXPECT_EQ(content_of(R"({"structuredContent":{}})"), "{}");
}

TEST(Mcp, TakesASingleTextAsItIs) {
  EXPECT_EQ(content_of(R"({"content":[{"type":"text","text":"{\"a\": 1}"}]})"), R"({"a": 1})");
  EXPECT_EQ(content_of(R"({"content":[{"type":"text","text":"say \"hi\""}],"structuredContent":null})"),
            R"("say \"hi\"")");
  EXPECT_EQ(content_of(R"({"content":[{"type":"text"}]})"), R"("")");
}

TEST(Mcp, NamesWhatItLeavesOut) {
  const auto content = json::parse(content_of(R"({"content":[
    {"type":"text","text":"see"},
    {"type":"image","data":"AAAA","mimeType":"image/png"},
    {"type":"audio","data":"AAAA","mimeType":"audio/wav"},
    {"type":"resource","resource":{"uri":"file:///a","blob":"AAAA"}},
    {"type":"resource","resource":{"uri":"file:///b","text":"kept"}},
    {"type":"resource_link","uri":"file:///c"}, 7]})"));
  EXPECT_EQ(content, json::parse(R"([
    {"type":"text","text":"see"},
    {"type":"image","mimeType":"image/png","omitted":true},
    {"type":"audio","mimeType":"audio/wav","omitted":true},
    {"type":"resource","resource":{"uri":"file:///a","omitted":true}},
    {"type":"resource","resource":{"uri":"file:///b","text":"kept"}},
    {"type":"resource_link","uri":"file:///c"}, 7])"));
  EXPECT_EQ(content_of(R"({"content":[{"type":"image","data":"AAAA"}]})"), R"([{"omitted":true,"type":"image"}])");
  EXPECT_EQ(content_of(R"({"content":[]})"), "[]");
}

TEST(Mcp, TellsTheModelOfErrors) {
  EXPECT_EQ(error_of(R"({"content":[{"type":"text","text":"no"},{"type":"text","text":"way"}],"isError":true})"),
            "no\nway");
  EXPECT_EQ(error_of(R"({"content":[],"structuredContent":{"code":1},"isError":true})"), R"({"code":1})");
  EXPECT_THAT(error_of(R"({"content":[],"isError":true})"), HasSubstr("did not say why"));
  for (const auto* result : {"", "{}", "[]", R"({"content":"text"})", R"({"isError":true})"})
    EXPECT_THAT(error_of(result), HasSubstr("no result")) << result;
}

TEST(Mcp, NamesToolsForTheModel) {
  EXPECT_EQ(mcp::model_name("files", "read"), "files__read");
  EXPECT_EQ(mcp::model_name("my-files", "a/b.c d"), "my-files__a_b_c_d");
  EXPECT_EQ(mcp::model_name("s", "é"), "s____");
  EXPECT_EQ(mcp::model_name("s", std::string(100, 'x')), "s__" + std::string(61, 'x'));
}

} // namespace troupe
