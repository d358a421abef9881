#include "tests/e2e/server_test.hpp"
#include "tests/providers/aimock.hpp"

#include <gmock/gmock.h>

/// Against a mock of the providers that others wrote: their reading of the protocols.
namespace troupe {

namespace {

using testing::HasSubstr;

class Aimock : public server_test {
protected:
  void start_with(const aimock& mock) {
    start({"--outbound-allow", "127.0.0.1"});
    for (const auto* kind : {"openai", "anthropic"}) {
      const json model{{"kind", kind}, {"base_url", mock.url("/v1")}, {"model", "mock"}};
      ASSERT_LT(http().put(std::string{"/api/v1/models/"} + kind, model).status, 300U);
      const json bot{{"model", kind}, {"tools", {{{"type", "builtin"}, {"name", "calculate"}}}}};
      put_bot(kind, bot);
    }
  }
  json ask(const std::string& bot, const std::string& input) {
    return run_task(input, {{"spec", {{"bot_name", bot}}}});
  }
};

} // namespace

TEST_F(Aimock, StreamsAnswersInBothProtocols) {
  TROUPE_NEEDS(node_server);
  const aimock mock{R"({"fixtures": [{"match": {"userMessage": "Hello"}, "chunkSize": 3, "latency": 5,
    "response": {"content": "Hi there, naïve 🐻!", "usage": {"prompt_tokens": 3, "completion_tokens": 7}}}]})"};
  start_with(mock);
  for (const auto* bot : {"openai", "anthropic"}) {
    const auto task = ask(bot, "Hello");
    EXPECT_EQ(task.at("status"), "COMPLETED") << task;
    EXPECT_EQ(task.at("output"), "Hi there, naïve 🐻!");
    EXPECT_EQ(streamed_text(journal_of(http(), task.at("id")), 1), "Hi there, naïve 🐻!");
    expect_whole(http(), task);
  }
  EXPECT_EQ(ask("openai", "Hello").at("usage").at("output_tokens"), 7);
}

TEST_F(Aimock, CallsToolsInBothProtocols) {
  TROUPE_NEEDS(node_server);
  const aimock mock{R"({"fixtures": [
    {"match": {"userMessage": "sum", "hasToolResult": false}, "response": {"content": "Let me see.",
      "toolCalls": [{"name": "calculate", "arguments": {"expression": "6*7"}, "id": "x"}]}},
    {"match": {"userMessage": "sum", "hasToolResult": true}, "response": {"content": "It is 42."}}]})"};
  start_with(mock);
  for (const auto* bot : {"openai", "anthropic"}) {
    const auto task = ask(bot, "sum");
    EXPECT_EQ(task.at("status"), "COMPLETED") << task;
    EXPECT_EQ(task.at("output"), "It is 42.");
    const auto messages = list_all(http(), task_path(task) + "/messages");
    ASSERT_EQ(messages.size(), 4U);
    EXPECT_EQ(messages[1].at("content"), "Let me see.");
    EXPECT_THAT(messages[2].at("content").get<std::string>(), HasSubstr("42"));
  }
}

TEST_F(Aimock, FaultsAreAnsweredByTheirClass) {
  TROUPE_NEEDS(node_server);
  const aimock mock{R"({"fixtures": [
    {"match": {"userMessage": "busy", "sequenceIndex": 0}, "response": {"error": {"message": "slow down",
      "type": "rate_limit_error"}, "status": 429, "retryAfter": 1}},
    {"match": {"userMessage": "busy"}, "response": {"content": "At last."}},
    {"match": {"userMessage": "broken", "sequenceIndex": 0}, "truncateAfterChunks": 3, "chunkSize": 2, "latency": 20,
      "response": {"content": "This will be cut off."}},
    {"match": {"userMessage": "broken"}, "response": {"content": "Whole."}},
    {"match": {"userMessage": "refused"}, "response": {"error": {"message": "bad key",
      "type": "authentication_error"}, "status": 401}}]})"};
  start_with(mock);
  put_bot("single", {{"model", "openai"}, {"restart", {{"max_attempts", 1}}}});
  const auto busy = ask("single", "busy");
  EXPECT_EQ(busy.at("status"), "COMPLETED") << busy;
  EXPECT_EQ(busy.at("output"), "At last.");
  const auto broken = ask("openai", "broken");
  EXPECT_EQ(broken.at("output"), "Whole.") << broken;
  EXPECT_EQ(broken.at("attempt"), 2);
  const auto refused = ask("anthropic", "refused");
  EXPECT_EQ(refused.at("status"), "FAILED");
  EXPECT_EQ(refused.at("error_class"), "permanent");
  EXPECT_THAT(refused.at("error").get<std::string>(), HasSubstr("bad key"));
}

} // namespace troupe
