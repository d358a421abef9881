#include "tests/e2e/remote_test.hpp"
#include "tests/providers/aimock.hpp"
#include "tests/providers/node_server.hpp"

#include <gmock/gmock.h>

/// Against mocks and gateways that others wrote, in the versions that tests/providers/package.json names: what stands
/// between a client and a model has its own idea of the protocol.
namespace troupe {

namespace {

using testing::HasSubstr;

/// Bots `openai` and `anthropic` whose models are asked through portkey, which speaks OpenAI's protocol to everybody
/// and to what is behind it the one that it is told.
class RealModels : public remote_test {
protected:
  void put_behind_gateway(const node_server& portkey, const std::string& upstream) {
    for (const std::string kind : {"openai", "anthropic"}) {
      put_model(kind, {{"base_url", portkey.url("/v1")},
                       {"headers", {{"x-portkey-provider", kind}, {"x-portkey-custom-host", upstream + "/v1"}}}});
      put_bot(kind, {{"model", kind}, {"tools", {{{"type", "builtin"}, {"name", "calculate"}}, now_}}});
    }
  }

  static node_server portkey() {
    return node_server{"node_modules/@portkey-ai/gateway/build/start-server.js", {"--headless"}};
  }

  std::vector<json> events_of(const json& task, const std::string& type) {
    auto events = journal_of(http(), task.at("id"));
    std::erase_if(events, [&](const json& event) { return event.at("type") != type; });
    return events;
  }

private:
  const json now_{{"type", "builtin"}, {"name", "now"}};
};

} // namespace

// openai-api-mock 0.4.0 streams without a Content-Type, with another id in each chunk, and with no finish_reason.
TEST_F(RealModels, AreReadAsAStreamWhateverTheyCallIt) {
  TROUPE_NEEDS(node_server);
  const node_server mock{"openai_mock.mjs"};
  put_model("mock", {{"base_url", mock.url("/v1")}});
  put_bot("mock", {{"model", "mock"}});
  const auto task = run_with("mock", "Hello");
  EXPECT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_EQ(task.at("attempt"), 1);
  EXPECT_EQ(task.at("output"), "TermesSuiTemporibusAbstergo");
  EXPECT_EQ(streamed_text(journal_of(http(), task.at("id")), 1), "TermesSuiTemporibusAbstergo");
  EXPECT_EQ(task.at("usage").at("estimated"), true);
  expect_whole(http(), task);
}

TEST_F(RealModels, BehindAGatewayStreamAndCallTools) {
  TROUPE_NEEDS(node_server);
  const aimock mock{R"({"fixtures": [
    {"match": {"userMessage": "sum", "hasToolResult": false}, "response": {"content": "Let me see.",
      "toolCalls": [{"name": "calculate", "arguments": {"expression": "6*7"}, "id": "x"},
                    {"name": "calculate", "arguments": {"expression": "7*8"}, "id": "y"}]}},
    {"match": {"userMessage": "sum", "hasToolResult": true}, "chunkSize": 4, "latency": 5,
      "response": {"content": "42 and 56, naïve 🐻."}}]})"};
  const auto gateway = portkey();
  put_behind_gateway(gateway, mock.url());
  for (const auto* bot : {"openai", "anthropic"}) {
    const auto task = run_with(bot, "sum");
    EXPECT_EQ(task.at("status"), "COMPLETED") << task;
    EXPECT_EQ(task.at("attempt"), 1);
    EXPECT_EQ(task.at("output"), "42 and 56, naïve 🐻.");
    const auto messages = messages_of(task);
    ASSERT_EQ(messages.size(), 5U) << task;
    EXPECT_EQ(messages[1].at("content"), "Let me see.");
    EXPECT_THAT(messages[2].at("content").get<std::string>(), HasSubstr("42"));
    EXPECT_THAT(messages[3].at("content").get<std::string>(), HasSubstr("56"));
    expect_calls_answered(messages);
    expect_whole(http(), task);
  }
}

// Of a call without arguments portkey 1.15.2 tells an Anthropic upstream's as "", which is no JSON.
TEST_F(RealModels, BehindAGatewayCallToolsWithoutArguments) {
  TROUPE_NEEDS(node_server);
  const auto gateway = portkey();
  put_behind_gateway(gateway, provider_.url());
  provider_.answer_with([](const seen_request& request) {
    return request.number == 1 ? script::call_tools({{"now"}}) : script::say("It is late.");
  });
  const auto task = run_with("anthropic", "When is it?");
  EXPECT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_EQ(task.at("output"), "It is late.");
  const auto called = events_of(task, "chat:tool_start");
  ASSERT_EQ(called.size(), 1U);
  EXPECT_EQ(called[0].at("data").at("args"), json::object());
}

TEST_F(RealModels, BehindAGatewayFailAsTheyDoWithoutIt) {
  TROUPE_NEEDS(node_server);
  const aimock mock{R"({"fixtures": [
    {"match": {"userMessage": "busy", "sequenceIndex": 0}, "response": {"error": {"message": "slow down",
      "type": "rate_limit_error"}, "status": 429, "retryAfter": 1}},
    {"match": {"userMessage": "busy"}, "response": {"content": "At last."}},
    {"match": {"userMessage": "broken", "sequenceIndex": 0}, "response": {"error": {"message": "oh",
      "type": "server_error"}, "status": 500}},
    {"match": {"userMessage": "broken"}, "response": {"content": "Whole."}},
    {"match": {"userMessage": "refused"}, "response": {"error": {"message": "bad key",
      "type": "authentication_error"}, "status": 401}}]})"};
  const auto gateway = portkey();
  put_behind_gateway(gateway, mock.url());
  for (const auto* bot : {"openai", "anthropic"}) {
    const auto refused = run_with(bot, "refused");
    EXPECT_EQ(refused.at("status"), "FAILED");
    EXPECT_EQ(refused.at("error_class"), "permanent");
    EXPECT_THAT(refused.at("error").get<std::string>(), HasSubstr("bad key"));
  }
  const auto broken = run_with("openai", "broken");
  EXPECT_EQ(broken.at("output"), "Whole.") << broken;
  EXPECT_EQ(broken.at("attempt"), 2);
  EXPECT_EQ(run_with("openai", "busy").at("output"), "At last.");
}

// aimock 1.43.0 tells 0 and 0 in Anthropic's protocol unless a fixture says otherwise; portkey hands that on.
TEST_F(RealModels, AreBilledForWhatTheyTellAndForNothingIfTheyTellNothing) {
  TROUPE_NEEDS(node_server);
  const aimock mock{R"({"fixtures": [
    {"match": {"userMessage": "seven"}, "response": {"content": "Hi.", "usage": {"prompt_tokens": 3, "completion_tokens": 7}}},
    {"match": {}, "response": {"content": "Hi there.", "usage": {"prompt_tokens": 0, "completion_tokens": 0}}}]})"};
  const auto gateway = portkey();
  put_behind_gateway(gateway, mock.url());
  for (const auto* bot : {"openai", "anthropic"}) {
    for (const auto& [input, in, out] : {std::tuple{"seven", 3, 7}, {"Hello", 0, 0}}) {
      const auto task = run_with(bot, input);
      EXPECT_EQ(task.at("status"), "COMPLETED") << task;
      const auto& usage = task.at("usage");
      EXPECT_EQ(usage.at("input_tokens"), in) << bot << task;
      EXPECT_EQ(usage.at("output_tokens"), out) << bot << task;
      EXPECT_EQ(usage.at("estimated"), false) << bot << task;
      const auto done = events_of(task, "chat:done");
      ASSERT_EQ(done.size(), 1U);
      EXPECT_EQ(done[0].at("data").at("usage").at("input_tokens"), in) << done[0];
      EXPECT_EQ(done[0].at("data").at("usage").at("output_tokens"), out) << done[0];
    }
  }
}

// portkey 1.15.2 tells an error in the midst of an Anthropic stream as a finish_reason, and ends it as if all were
// well.
TEST_F(RealModels, BehindAGatewayAreAskedAgainIfTheirStreamEndsInAnError) {
  TROUPE_NEEDS(node_server);
  const auto gateway = portkey();
  put_behind_gateway(gateway, provider_.url());
  provider_.answer_with([](const seen_request& request) {
    if (request.number > 1)
      return script::say("Whole.");
    return script::raw("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
                       "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\","
                       "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],"
                       "\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n"
                       "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
                       "\"message\":\"Overloaded\"}}\n\n");
  });
  const auto task = run_with("anthropic", "Hello");
  EXPECT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_EQ(task.at("output"), "Whole.");
  EXPECT_EQ(task.at("attempt"), 2);
}

// aimock 1.43.0 cuts by UTF-16 units, so that two events have half a character each, as \ud83d and \udc3b.
TEST_F(RealModels, MayCutACharacterInTwo) {
  TROUPE_NEEDS(node_server);
  const aimock mock{R"({"fixtures": [{"match": {}, "chunkSize": 3, "response": {"content": "ab🐻c"}}]})"};
  for (const std::string kind : {"openai", "anthropic"}) {
    put_model(kind, {{"kind", kind}, {"base_url", mock.url("/v1")}});
    put_bot(kind, {{"model", kind}});
    const auto task = run_with(kind, "Hello");
    EXPECT_EQ(task.at("output"), "ab🐻c") << task;
    EXPECT_EQ(streamed_text(journal_of(http(), task.at("id")), 1), "ab🐻c");
  }
}

} // namespace troupe
