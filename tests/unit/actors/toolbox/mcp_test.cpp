#include "actors/toolbox/mcp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace troupe {

namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

const mcp::manner legacy{mcp::era::legacy, "2025-11-25"};
const mcp::manner modern{mcp::era::modern, "2026-07-28"};

json client() {
  return {{"name", "troupe"}, {"version", TROUPE_VERSION}};
}

std::string header(const mcp::outgoing& message, std::string_view name) {
  for (const auto& [field, value] : message.headers)
    if (field == name)
      return value;
  return {};
}

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

std::string nested(int times) {
  return std::string(static_cast<std::size_t>(times), '[') + std::string(static_cast<std::size_t>(times), ']');
}

} // namespace

// -- what is sent: legacy -----------------------------------------------------

TEST(Mcp, OpensASession) {
  const auto message = mcp::initialize(1);
  EXPECT_EQ(json::parse(message.body),
            json({{"jsonrpc", "2.0"},
                  {"id", 1},
                  {"method", "initialize"},
                  {"params",
                   {{"protocolVersion", "2025-11-25"}, {"capabilities", json::object()}, {"clientInfo", client()}}}}));
  // server-everything 2026.8.31 answers 406 unless both types stand there in this very case.
  EXPECT_EQ(message.headers,
            (header_list{{"Accept", "application/json, text/event-stream"}, {"Content-Type", "application/json"}}));
  EXPECT_EQ(mcp::initialized(legacy).body, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
}

TEST(Mcp, SaysTheVersionOnceItIsKnown) {
  EXPECT_EQ(header(mcp::initialized(legacy), "MCP-Protocol-Version"), "2025-11-25");
  EXPECT_EQ(header(mcp::list_tools(legacy, 1, {}), "MCP-Protocol-Version"), "2025-11-25");
  EXPECT_EQ(
    mcp::stream_headers(legacy, "e7"),
    (header_list{{"Accept", "text/event-stream"}, {"MCP-Protocol-Version", "2025-11-25"}, {"Last-Event-ID", "e7"}}));
}

TEST(Mcp, AsksForTools) {
  EXPECT_EQ(mcp::list_tools(legacy, 2, {}).body, R"({"jsonrpc":"2.0","id":2,"method":"tools/list","params":{}})");
  EXPECT_EQ(mcp::list_tools(legacy, 3, "a\"b").body,
            R"({"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"cursor":"a\"b"}})");
  EXPECT_EQ(mcp::list_tools(legacy, 3, "").body,
            R"({"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"cursor":""}})");
}

TEST(Mcp, CallsATool) {
  EXPECT_EQ(mcp::call_tool(legacy, 4, {"add", R"({"a": 12345678901234567890123})", ""}).body,
            R"({"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"add",)"
            R"("arguments":{"a":12345678901234567890123}}})");
  const auto with_key = json::parse(mcp::call_tool(legacy, 4, {"add", " ", "key-1"}).body);
  EXPECT_EQ(with_key["params"]["arguments"], json::object());
  EXPECT_EQ(with_key["params"]["_meta"], json::parse(R"({"idempotencyKey":"key-1"})"));
}

TEST(Mcp, SendsNoArgumentsThatAreNoJsonButAsText) {
  for (const auto* text : {"{\"a\":", "[]", "{},\"more\":{}", "\xff"})
    EXPECT_TRUE(json::parse(mcp::call_tool(legacy, 4, {"add", text, ""}).body)["params"]["arguments"].is_string())
      << text;
}

TEST(Mcp, TakesACallBack) {
  EXPECT_EQ(mcp::cancelled(legacy, 5, "The task has ended.").body,
            R"({"jsonrpc":"2.0","method":"notifications/cancelled",)"
            R"("params":{"requestId":5,"reason":"The task has ended."}})");
}

// -- what is sent: modern -------------------------------------------------------

// @modelcontextprotocol/server 2.4.0, createMcpHandler: without any of these it is 400 (-32020 or -32602).
TEST(Mcp, SaysAllOfItselfWithEachModernRequest) {
  const auto call = mcp::call_tool(modern, 4, {"add", "{}", "key-1"});
  EXPECT_EQ(header(call, "MCP-Protocol-Version"), "2026-07-28");
  EXPECT_EQ(header(call, "Mcp-Method"), "tools/call");
  EXPECT_EQ(header(call, "Mcp-Name"), "add");
  const json meta{{"io.modelcontextprotocol/protocolVersion", "2026-07-28"},
                  {"io.modelcontextprotocol/clientCapabilities", json::object()},
                  {"io.modelcontextprotocol/clientInfo", client()}};
  auto with_key = meta;
  with_key["idempotencyKey"] = "key-1";
  EXPECT_EQ(json::parse(call.body)["params"]["_meta"], with_key);
  for (const auto& [message, method] :
       {std::pair{mcp::discover(1), "server/discover"}, std::pair{mcp::list_tools(modern, 1, "c"), "tools/list"},
        std::pair{mcp::listen(modern, 1), "subscriptions/listen"}}) {
    EXPECT_EQ(json::parse(message.body)["method"], method);
    EXPECT_EQ(json::parse(message.body)["params"]["_meta"], meta);
    EXPECT_EQ(header(message, "Mcp-Method"), method);
    EXPECT_EQ(header(message, "Mcp-Name"), "");
  }
  EXPECT_EQ(json::parse(mcp::listen(modern, 1).body)["params"]["notifications"], json({{"toolsListChanged", true}}));
}

TEST(Mcp, AsksOnceMoreWithWhatTheServerHasSaid) {
  mcp::tool_call_request again{"add", "{}", ""};
  again.request_state = "abc";
  again.mirrored = {{"Mcp-Param-Region", "eu"}};
  const auto call = mcp::call_tool(modern, 5, again);
  EXPECT_EQ(json::parse(call.body)["params"]["requestState"], "abc");
  EXPECT_EQ(header(call, "Mcp-Param-Region"), "eu");
}

// As @modelcontextprotocol/client 2.4.0 writes them (encodeMcpParamValue).
TEST(Mcp, EncodesWhatIsNoPlainHeader) {
  EXPECT_EQ(mcp::header_value("read file.v2"), "read file.v2");
  EXPECT_EQ(mcp::header_value("caf\xc3\xa9"), "=?base64?Y2Fmw6k=?=");
  EXPECT_EQ(mcp::header_value(" a"), "=?base64?IGE=?=");
  EXPECT_EQ(mcp::header_value("a\t"), "=?base64?YQk=?=");
  EXPECT_EQ(mcp::header_value("a\r\nb"), "=?base64?YQ0KYg==?=");
  EXPECT_EQ(mcp::header_value(""), "=?base64?"
                                   "?=");
  EXPECT_EQ(mcp::header_value("=?base64?YQ==?="), "=?base64?PT9iYXNlNjQ/WVE9PT89?=");
}

// -- what is received ---------------------------------------------------------

TEST(Mcp, ReadsAnswers) {
  const auto answer = response_in(R"({"jsonrpc":"2.0","id":7,"result":{"a":[1]}})");
  EXPECT_TRUE(answer.answers(7));
  EXPECT_FALSE(answer.answers(8));
  EXPECT_EQ(std::get<std::string>(answer.result), R"({"a":[1]})");
  EXPECT_TRUE(response_in(R"({"jsonrpc":"2.0","id":"7","result":{}})").answers(7));
}

TEST(Mcp, ReadsRefusals) {
  const auto answer = response_in(R"({"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"no such\ntool"}})");
  EXPECT_EQ(std::get<mcp::error>(answer.result).code, -32602);
  EXPECT_EQ(std::get<mcp::error>(answer.result).message, "no such tool");
  for (const auto* error : {"{}", "[]", R"({"code":"x","message":{}})"}) {
    const auto odd = response_in(R"({"jsonrpc":"2.0","id":7,"error":)" + std::string{error} + "}");
    EXPECT_EQ(std::get<mcp::error>(odd.result).message, "it did not say why");
  }
}

// server-everything 2026.8.31 leaves the id out where it knows no session; v1 SDKs say null.
TEST(Mcp, ReadsRefusalsThatNameNoRequest) {
  for (const auto* id : {"", R"("id":null,)"}) {
    const auto answer
      = response_in(R"({"jsonrpc":"2.0",)" + std::string{id} + R"("error":{"code":-32000,"message":"No session"}})");
    EXPECT_FALSE(answer.id);
    EXPECT_TRUE(answer.answers(7));
    EXPECT_EQ(std::get<mcp::error>(answer.result).message, "No session");
  }
}

TEST(Mcp, ReadsWhichVersionsAServerSpeaks) {
  const auto answer = response_in(
    R"({"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no","data":{"supported":["2026-07-28",7]}}})");
  EXPECT_THAT(std::get<mcp::error>(answer.result).supported, ElementsAre("2026-07-28"));
}

TEST(Mcp, ReadsNotifications) {
  const auto message = mcp::read(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  const auto* note = std::get_if<mcp::notification>(&message);
  ASSERT_NE(note, nullptr);
  EXPECT_EQ(note->method, "notifications/tools/list_changed");
  EXPECT_FALSE(mcp::answer_to(legacy, *note));
}

TEST(Mcp, AnswersTheServersRequests) {
  const auto ping = std::get<mcp::notification>(mcp::read(R"({"jsonrpc":"2.0","id":"p-1","method":"ping"})"));
  EXPECT_EQ(mcp::answer_to(legacy, ping)->body, R"({"jsonrpc":"2.0","id":"p-1","result":{}})");
  for (const auto* method : {"sampling/createMessage", "elicitation/create", "roots/list"}) {
    const auto other = std::get<mcp::notification>(
      mcp::read(R"({"jsonrpc":"2.0","id":9,"method":")" + std::string{method} + R"(","params":{}})"));
    EXPECT_EQ(mcp::answer_to(legacy, other)->body,
              R"({"jsonrpc":"2.0","id":9,"error":{"code":-32601,"message":"Method not found"}})");
  }
  // 2026-07-28: no responses may be POSTed.
  EXPECT_FALSE(mcp::answer_to(modern, ping));
}

// Revision 2025-03-26, "Batching".
TEST(Mcp, ReadsBatches) {
  const auto batch
    = mcp::read_all(R"( [{"jsonrpc":"2.0","method":"ping","id":1}, {"jsonrpc":"2.0","id":7,"result":{}}, 7])");
  ASSERT_EQ(batch.size(), 3U);
  EXPECT_TRUE(std::holds_alternative<mcp::notification>(batch[0]));
  EXPECT_TRUE(std::holds_alternative<mcp::response>(batch[1]));
  EXPECT_TRUE(std::holds_alternative<mcp::malformed>(batch[2]));
  std::string many = "[";
  for (int i = 0; i < 101; ++i)
    many += R"({"jsonrpc":"2.0","method":"ping","id":1},)";
  many.back() = ']';
  for (const auto& text : {many, std::string{"[]"}, std::string{"[1"}, std::string{R"([],"batch":[])"}}) {
    const auto refused = mcp::read_all(text);
    ASSERT_EQ(refused.size(), 1U);
    EXPECT_TRUE(std::holds_alternative<mcp::malformed>(refused[0]));
  }
}

TEST(Mcp, RefusesWhatIsNoMessage) {
  for (const auto* text :
       {"", "null", "[]", "{}", "not json", R"([{"jsonrpc":"2.0","id":1,"result":{}}])", R"({"id":1,"result":{}})",
        R"({"jsonrpc":2.0,"id":1,"result":{}})", R"({"jsonrpc":"2.0","id":1})", R"({"jsonrpc":"2.0","method":7})"})
    EXPECT_TRUE(is_malformed(text)) << text;
  for (const auto* text : {R"({"jsonrpc":"2.0","result":{}})", R"({"jsonrpc":"2.0","id":null,"result":{}})",
                           R"({"jsonrpc":"2.0","id":"one","result":{}})", R"({"jsonrpc":"2.0","id":5.5,"result":{}})"})
    EXPECT_FALSE(std::get<mcp::response>(mcp::read(text)).answers(1)) << text;
  EXPECT_TRUE(is_malformed(R"({"jsonrpc":"2.0","id":1,"result":)" + nested(128) + "}"));
  EXPECT_TRUE(is_malformed(R"({"jsonrpc":"2.0","id":1,"result":)" + nested(500'000) + "}"));
  EXPECT_FALSE(is_malformed(R"({"jsonrpc":"2.0","id":1,"result":)" + nested(127) + "}"));
}

TEST(Mcp, ReadsTheSession) {
  const auto read = mcp::read_initialized(
    R"({"protocolVersion":"2025-03-26","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"files"}})");
  const auto& session = std::get<mcp::server_info>(read);
  EXPECT_EQ(session.version, "2025-03-26");
  EXPECT_EQ(session.name, "files");
  EXPECT_TRUE(session.has_tools);
  EXPECT_TRUE(session.tells_changes);
  const auto bare = mcp::read_initialized(R"({"protocolVersion":"2024-11-05"})");
  EXPECT_FALSE(std::get<mcp::server_info>(bare).has_tools);
}

TEST(Mcp, RefusesSessionsOfNoVersion) {
  for (const auto* result : {"", "[]", "{}", R"({"protocolVersion":7})", R"({"protocolVersion":"2025-06-18\r\nX: y"})",
                             R"({"protocolVersion":"latest"})"})
    EXPECT_TRUE(std::holds_alternative<mcp::malformed>(mcp::read_initialized(result))) << result;
}

// As @modelcontextprotocol/server 2.4.0 answers.
TEST(Mcp, ReadsWhatAModernServerIs) {
  const auto read = mcp::read_discovered(
    R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true}},"resultType":"complete",)"
    R"("ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"v2","version":"1"}}})");
  const auto& info = std::get<mcp::server_info>(read);
  EXPECT_THAT(info.supported, ElementsAre("2026-07-28"));
  EXPECT_EQ(info.name, "v2");
  EXPECT_TRUE(info.has_tools);
  EXPECT_TRUE(info.tells_changes);
  for (const auto* result : {"", "{}", R"({"supportedVersions":[]})", R"({"supportedVersions":"2026-07-28"})"})
    EXPECT_TRUE(std::holds_alternative<mcp::malformed>(mcp::read_discovered(result))) << result;
}

} // namespace troupe
