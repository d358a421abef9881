#include "actors/toolbox/mcp_answer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

/// What real servers were seen to answer, and what is made of it. Where it is not said otherwise
/// the answers are those of the packages named, on a first request of revision 2026-07-28.
namespace troupe {

namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr timestamp at{};

mcp::answer answered(unsigned status, const std::string& body) {
  mcp::answer got;
  got.head.status = status;
  auto message = mcp::read(body);
  if (auto* response = std::get_if<mcp::response>(&message))
    got.answered = std::move(*response);
  else
    got.body = body;
  return got;
}

mcp::answer refused(unsigned status, int code, const std::string& message, const std::string& data = "{}",
                    const std::string& id = "1") {
  return answered(status, R"({"jsonrpc":"2.0","id":)" + id + R"(,"error":{"code":)" + std::to_string(code)
                            + R"(,"message":")" + message + R"(","data":)" + data + "}}");
}

mcp::answer failed(outbound_errc code, bool sent) {
  mcp::answer got;
  got.failure = {code, "mcp.test did not answer.", sent};
  return got;
}

bool is_modern(const mcp::answer& got) {
  return std::holds_alternative<mcp::speaks_modern>(mcp::judge_probe(got, at));
}

bool needs_initialize(const mcp::answer& got) {
  return std::holds_alternative<mcp::needs_initialize>(mcp::judge_probe(got, at));
}

toolbox_failure failure_of(const mcp::answer& got) {
  auto result = mcp::result_of(got, at);
  const auto* failure = std::get_if<toolbox_failure>(&result);
  EXPECT_NE(failure, nullptr);
  return failure ? *failure : toolbox_failure{};
}

} // namespace

// -- which era ----------------------------------------------------------------

TEST(McpAnswer, KnowsAModernServerByItsAnswer) {
  const auto verdict = mcp::judge_probe(
    answered(200, R"({"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28"],"capabilities":{}}})"), at);
  const auto* modern = std::get_if<mcp::speaks_modern>(&verdict);
  ASSERT_NE(modern, nullptr);
  EXPECT_EQ(modern->how.version, "2026-07-28");
  EXPECT_FALSE(modern->info.has_tools);
}

TEST(McpAnswer, KnowsAModernServerByErrorsThatOnlyOneHas) {
  EXPECT_TRUE(is_modern(refused(400, -32020, "headers and body disagree")));
  EXPECT_TRUE(is_modern(refused(400, -32021, "needs sampling")));
  EXPECT_TRUE(is_modern(refused(400, -32022, "no", R"({"supported":["2027-01-01","2026-07-28"]})")));
}

TEST(McpAnswer, GreetsWhateverElseRefuses) {
  // server-everything 2026.8.31, @playwright/mcp 0.0.83, v2 session transport.
  EXPECT_TRUE(needs_initialize(refused(400, -32000, "Bad Request: Server not initialized", "{}", "null")));
  // fastmcp 4.20.16.
  EXPECT_TRUE(needs_initialize(refused(400, -32000, "no", R"({"reason":"server_missing_modern_protocol_support"})")));
  // @cyanheads/git-mcp-server 2.15.3.
  EXPECT_TRUE(needs_initialize(refused(500, -32603, "Internal error")));
  // supergateway 4.0.0, which would take calls.
  EXPECT_TRUE(needs_initialize(refused(404, -32601, "Method not found")));
  EXPECT_TRUE(needs_initialize(answered(404, "Session not found")));
  EXPECT_TRUE(needs_initialize(answered(200, "<html></html>")));
  EXPECT_TRUE(needs_initialize(answered(202, "")));
  EXPECT_TRUE(needs_initialize(answered(200, R"({"jsonrpc":"2.0","id":1,"result":{}})")));
  EXPECT_TRUE(needs_initialize(refused(200, -32022, "no", R"({"supported":["2025-06-18"]})")));
  EXPECT_TRUE(needs_initialize(failed(outbound_errc::timed_out, true)));
  EXPECT_TRUE(needs_initialize(failed(outbound_errc::cut_off, true)));
}

TEST(McpAnswer, DoesNotGreetWhomItCannotReachOrPlease) {
  const auto kind_of = [](const mcp::answer& got) {
    auto verdict = mcp::judge_probe(got, at);
    const auto* failure = std::get_if<toolbox_failure>(&verdict);
    EXPECT_NE(failure, nullptr);
    return failure ? failure->kind : error_class::cancelled;
  };
  EXPECT_EQ(kind_of(failed(outbound_errc::unreachable, false)), error_class::transient);
  EXPECT_EQ(kind_of(failed(outbound_errc::refused, false)), error_class::permanent);
  EXPECT_EQ(kind_of(failed(outbound_errc::busy, false)), error_class::throttled);
  EXPECT_EQ(kind_of(answered(401, "")), error_class::permanent);
  EXPECT_EQ(kind_of(answered(429, "")), error_class::throttled);
  EXPECT_EQ(kind_of(refused(400, -32022, "no", R"({"supported":["2027-01-01"]})")), error_class::permanent);
}

TEST(McpAnswer, NamesTheVersionsWhereThereIsNoneInCommon) {
  const auto verdict = mcp::judge_probe(refused(400, -32022, "no", R"({"supported":["2027-01-01"]})"), at);
  EXPECT_THAT(std::get<toolbox_failure>(verdict).error, AllOf(HasSubstr("2027-01-01"), HasSubstr("2026-07-28")));
}

TEST(McpAnswer, TakesAServerThatKnowsNoInitializeForAModernOne) {
  EXPECT_TRUE(mcp::may_be_modern(refused(404, -32601, "Method not found")));
  EXPECT_TRUE(mcp::may_be_modern(refused(400, -32022, "no", R"({"supported":["2026-07-28"]})")));
  EXPECT_FALSE(mcp::may_be_modern(refused(400, -32022, "no", R"({"supported":["2027-01-01"]})")));
  EXPECT_FALSE(mcp::may_be_modern(refused(400, -32000, "no")));
  EXPECT_FALSE(mcp::may_be_modern(answered(500, "")));
}

// -- why there is no result ---------------------------------------------------

TEST(McpAnswer, SaysWhatTheServerHasSaid) {
  const auto failure = failure_of(refused(400, -32000, "Unsupported protocol version"));
  EXPECT_EQ(failure.error, "The MCP server refused (HTTP 400): Unsupported protocol version.");
  EXPECT_EQ(failure.kind, error_class::permanent);
  EXPECT_EQ(failure_of(answered(403, R"({"error":{"message":"not yours"}})")).error,
            "The MCP server answered HTTP 403: not yours.");
  EXPECT_EQ(failure_of(refused(200, -32601, "Method not found")).error, "The MCP server refused: Method not found.");
}

TEST(McpAnswer, TriesOnlyAgainWhatMayChange) {
  for (const unsigned status : {400U, 401U, 403U, 404U, 405U, 406U, 415U})
    EXPECT_EQ(failure_of(answered(status, "")).kind, error_class::permanent) << status;
  for (const unsigned status : {408U, 500U, 502U, 503U})
    EXPECT_EQ(failure_of(answered(status, "")).kind, error_class::transient) << status;
  auto busy = answered(503, "");
  busy.head.headers = {{"retry-after", "7"}};
  EXPECT_EQ(failure_of(busy).kind, error_class::throttled);
  EXPECT_EQ(failure_of(busy).retry_after, std::chrono::seconds{7});
  EXPECT_EQ(failure_of(refused(200, -32022, "no")).kind, error_class::permanent);
  // mcp-proxy 6.7.19 and supergateway 4.0.0 whose child is gone.
  EXPECT_EQ(failure_of(refused(200, -32603, "Not connected")).kind, error_class::transient);
  EXPECT_EQ(failure_of(answered(200, "<html></html>")).kind, error_class::permanent);
}

// modelcontextprotocol/python-sdk#732, PrefectHQ/fastmcp#1867: a server that sends from /mcp to /mcp/.
TEST(McpAnswer, FollowsItsServerWithinOneOriginAlone) {
  const auto moved = [](unsigned status, const std::string& location) {
    return mcp::moved_to({status, {{"location", location}}}, "https://host:8443/mcp?k=1");
  };
  EXPECT_EQ(moved(307, "/mcp/"), "https://host:8443/mcp/");
  EXPECT_EQ(moved(308, "https://host:8443/v2?x=1"), "https://host:8443/v2?x=1");
  for (const auto* elsewhere :
       {"http://host:8443/mcp/", "https://host/mcp/", "https://host:84431/mcp/", "https://host:8443.evil.example/",
        "//evil.example/mcp/", "https://host:8443@evil.example/", "mcp/", ""})
    EXPECT_EQ(moved(307, elsewhere), std::nullopt) << elsewhere;
  EXPECT_EQ(moved(301, "/mcp/"), std::nullopt);
  EXPECT_EQ(moved(200, "/mcp/"), std::nullopt);
}

TEST(McpAnswer, KnowsALostSession) {
  EXPECT_TRUE(mcp::has_lost_session(answered(404, "Session not found")));
  EXPECT_TRUE(mcp::has_lost_session(refused(404, -32001, "Session not found", "{}", "null")));
  EXPECT_TRUE(mcp::has_lost_session(refused(400, -32000, "No valid session ID provided", "{}", "null")));
  EXPECT_TRUE(mcp::has_lost_session(refused(404, -32001, "Session not found")));
  EXPECT_TRUE(mcp::has_lost_session(refused(400, -32000, "Bad Request: No valid session ID provided")));
  EXPECT_TRUE(mcp::has_lost_session(refused(200, -32002, "Server not initialized")));
  EXPECT_TRUE(mcp::has_lost_session(refused(200, -32005, "SessionNotFound")));
  EXPECT_TRUE(mcp::has_lost_session(answered(400, "Invalid session ID")));
  // A tool that must not be called twice is not called again for an error in its arguments.
  EXPECT_FALSE(mcp::has_lost_session(refused(400, -32602, "Missing argument city", "{}", "null")));
  EXPECT_FALSE(mcp::has_lost_session(refused(404, -32602, "Unknown session argument", "{}", "null")));
  EXPECT_FALSE(mcp::has_lost_session(answered(400, "Bad Request")));
  EXPECT_FALSE(mcp::has_lost_session(refused(200, -32603, "Session not found in the tool's database")));
  EXPECT_FALSE(mcp::has_lost_session(answered(200, "Session not found")));
  // What names the request has looked at it.
  EXPECT_FALSE(mcp::has_lost_session(refused(400, -32602, "no such tool")));
  EXPECT_FALSE(mcp::has_lost_session(refused(404, -32601, "Method not found")));
  EXPECT_FALSE(mcp::has_lost_session(answered(403, "")));
  EXPECT_FALSE(mcp::has_lost_session(failed(outbound_errc::cut_off, true)));
}

// -- an outcome that nobody knows -----------------------------------------------

TEST(McpAnswer, KnowsAnAnswerThatNeverCame) {
  auto stream = answered(200, "");
  stream.streamed = true;
  for (const auto& got : {stream, answered(200, ""), answered(202, ""), failed(outbound_errc::cut_off, true)}) {
    EXPECT_TRUE(got.is_missing());
    EXPECT_EQ(mcp::call_failure(got, repeat_rule::with_key, at).retry, error_class::transient);
    EXPECT_EQ(mcp::call_failure(got, repeat_rule::safe, at).retry, error_class::transient);
    const auto never = mcp::call_failure(got, repeat_rule::never, at);
    EXPECT_FALSE(never.retry);
    EXPECT_THAT(never.content, HasSubstr("outcome is unknown"));
  }
  EXPECT_FALSE(answered(200, "<html>").is_missing());
  EXPECT_FALSE(failed(outbound_errc::unreachable, false).is_missing());
  EXPECT_FALSE(refused(200, -32603, "no").is_missing());
}

TEST(McpAnswer, TellsTheModelOfARefusedCall) {
  const auto unknown = mcp::call_failure(refused(200, -32602, "Tool nope not found"), repeat_rule::with_key, at);
  EXPECT_EQ(unknown.content, R"({"error":"The MCP server refused: Tool nope not found."})");
  EXPECT_FALSE(unknown.retry);
  const auto busy = mcp::call_failure(answered(503, ""), repeat_rule::with_key, at);
  EXPECT_EQ(busy.retry, error_class::transient);
}

} // namespace troupe
