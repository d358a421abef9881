#include "strict_provider.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <utility>

/// The validator of Anthropic's requests: a good body passes, and each rule catches the body that breaks it.
namespace troupe::strict {

namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

struct breach {
  /// RFC 6902.
  std::string patch;
  std::string says;
};

json patched(const json& good, const std::string& patch) {
  return good.patch(json::parse(patch));
}

void expect_caught(const json& good, const claude_memory& memory, const std::vector<breach>& breaches) {
  for (const auto& breach : breaches)
    EXPECT_THAT(violations_for_claude(patched(good, breach.patch), memory), Contains(HasSubstr(breach.says)))
      << breach.patch;
}

// -- without thinking -------------------------------------------------------------

const auto plain = json::parse(R"({
  "model": "claude", "max_tokens": 4096, "system": "Be brief.",
  "messages": [
    {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
    {"role": "assistant", "content": [
      {"type": "text", "text": "I look."},
      {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Ulm"}},
      {"type": "tool_use", "id": "toolu_2", "name": "time", "input": {}}]},
    {"role": "user", "content": [
      {"type": "tool_result", "tool_use_id": "toolu_2", "content": "noon"},
      {"type": "tool_result", "tool_use_id": "toolu_1", "content": ""},
      {"type": "text", "text": "And?"}]},
    {"role": "assistant", "content": "Sunny."},
    {"role": "user", "content": "Thanks."}],
  "tools": [
    {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}},
    {"name": "time", "input_schema": {"type": "object", "properties": {}}}]
})");

TEST(StrictClaude, TakesAGoodConversation) {
  EXPECT_THAT(violations_for_claude(plain, {}), IsEmpty());
}

TEST(StrictClaude, CatchesEachBrokenRuleOfMessages) {
  const std::vector<breach> breaches{
    {R"([{"op":"remove","path":"/model"}])", "model: is missing"},
    {R"([{"op":"remove","path":"/max_tokens"}])", "max_tokens: is missing"},
    {R"([{"op":"replace","path":"/system","value":" "}])", "system: is blank"},
    {R"([{"op":"replace","path":"/messages","value":[]}])", "messages: is no list, or an empty one"},
    {R"([{"op":"add","path":"/messages/1","value":7}])", "messages[1]: is no object"},
    {R"([{"op":"add","path":"/messages/0/name","value":"x"}])", "unknown member 'name'"},
    {R"([{"op":"replace","path":"/messages/0/role","value":"system"}])", "unknown role 'system'"},
    {R"([{"op":"add","path":"/messages/0","value":{"role":"user","content":"x"}}])", "two messages of one role"},
    {R"([{"op":"remove","path":"/messages/0"}])", "the first message is not the user's"},
    {R"([{"op":"remove","path":"/messages/4"}])", "the last message is not the user's"},
    {R"([{"op":"replace","path":"/messages/4/content","value":" \n"}])", "the content is blank"},
    {R"([{"op":"replace","path":"/messages/4/content","value":[]}])", "messages[4]: it has no content"},
    {R"([{"op":"replace","path":"/messages/0/content/0/text","value":""}])", "content[0]: the text is blank"},
    {R"([{"op":"replace","path":"/messages/1/content/0/text","value":"\t "}])", "content[0]: the text is blank"},
    {R"([{"op":"add","path":"/messages/1/content/1/text","value":"x"}])", "unknown member 'text'"},
    {R"([{"op":"replace","path":"/messages/1/content/0/type","value":"image"}])", "unknown type 'image'"},
    {R"([{"op":"replace","path":"/messages/1/content/1/id","value":"toolu 1"}])", "the id 'toolu 1'"},
    {R"([{"op":"replace","path":"/messages/1/content/2/id","value":"toolu_1"}])", "'toolu_1' is not unique"},
    {R"([{"op":"replace","path":"/messages/1/content/1/name","value":"a.b"}])", "the name 'a.b'"},
    {R"([{"op":"replace","path":"/messages/1/content/1/input","value":"{}"}])", "the input is no object"},
    {R"([{"op":"move","from":"/messages/1/content/1","path":"/messages/0/content/0"}])",
     "a call in a message of the user's"},
    {R"([{"op":"copy","from":"/messages/2/content/0","path":"/messages/1/content/0"}])",
     "a result in a message of the assistant's"},
    {R"([{"op":"remove","path":"/messages/2/content/0"}])", "the call 'toolu_2' has no result"},
    {R"([{"op":"move","from":"/messages/2/content/2","path":"/messages/2/content/1"}])",
     "the call 'toolu_1' has no result at the beginning"},
    {R"([{"op":"replace","path":"/messages/2/content","value":"x"}])", "the call 'toolu_1' has no result"},
    {R"([{"op":"copy","from":"/messages/2/content/0","path":"/messages/2/content/0"}])",
     "a result of 'toolu_2', which"},
    {R"([{"op":"replace","path":"/messages/2/content/0/tool_use_id","value":"x"}])", "a result of 'x', which no call"},
    {R"([{"op":"replace","path":"/messages/2/content/0/content","value":[{"type":"text","text":""}]}])",
     "a blank text in the result"},
  };
  expect_caught(plain, {}, breaches);
}

TEST(StrictClaude, CatchesEachBrokenRuleOfTools) {
  const std::vector<breach> breaches{
    {R"([{"op":"remove","path":"/tools"}])", "tools: the conversation has calls, but there are none"},
    {R"([{"op":"replace","path":"/tools","value":[]}])", "tools: is no list, or an empty one"},
    {R"([{"op":"replace","path":"/tools/0/name","value":"Wetter heute"}])", "tools[0]: the name 'Wetter heute'"},
    {R"([{"op":"replace","path":"/tools/1/name","value":"weather"}])", "'weather' is there twice"},
    {R"([{"op":"remove","path":"/tools/0/input_schema"}])", "the schema is no object"},
    {R"([{"op":"remove","path":"/tools/0/input_schema/type"}])", "the schema's type is not \"object\""},
    {R"([{"op":"remove","path":"/tools/0/input_schema/properties"}])", "properties are no object"},
    {R"([{"op":"add","path":"/tools/0/input_schema/oneOf","value":[]}])", "the schema has oneOf at its top"},
    {R"([{"op":"add","path":"/tools/0/input_schema/properties/a b","value":{}}])", "the property 'a b'"},
  };
  expect_caught(plain, {}, breaches);
}

// -- thinking ---------------------------------------------------------------------

json thinking(const std::string& text, const std::string& signature) {
  return {{"type", "thinking"}, {"thinking", text}, {"signature", signature}};
}
json text(const std::string& said) {
  return {{"type", "text"}, {"text", said}};
}
json call(const std::string& id) {
  return {{"type", "tool_use"}, {"id", id}, {"name", "weather"}, {"input", {{"id", id}}}};
}
json result(const std::string& id) {
  return {{"type", "tool_result"}, {"tool_use_id", id}, {"content", "mild"}};
}

/// A tool loop that is open: thinking, text, a call, redacted thinking, a call; then one round more.
class StrictClaudeThinking : public testing::Test {
protected:
  StrictClaudeThinking() {
    body = {{"model", "claude"},
            {"max_tokens", 8000},
            {"thinking", {{"type", "enabled"}, {"budget_tokens", 2000}}},
            {"tools", plain["tools"]},
            {"messages", json::array()}};
    say("user", {text("Weather?")});
    answer({thinking("First.", "s1"),
            text("I look."),
            call("t1"),
            {{"type", "redacted_thinking"}, {"data", "xyz"}},
            call("t2")});
    say("user", {result("t1"), result("t2")});
    answer({thinking("", "s3"), call("t3")});
    say("user", {result("t3")});
  }

  void say(const char* role, json::array_t blocks) {
    body["messages"].push_back({{"role", role}, {"content", std::move(blocks)}});
  }

  /// Claude says this.
  void answer(const json::array_t& blocks) {
    memory.answers.push_back({body, blocks});
    say("assistant", blocks);
  }

  /// Leaves out what `where` says of the content of a message.
  void leave_out(std::size_t message, std::size_t block) { body["messages"][message]["content"].erase(block); }

  [[nodiscard]] violations found() const { return violations_for_claude(body, memory); }

  json body;
  claude_memory memory;
};

TEST_F(StrictClaudeThinking, TakesWhatClaudeMadeAsItWas) {
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(StrictClaudeThinking, TakesAdaptiveThinkingAndNone) {
  body["thinking"] = {{"type", "adaptive"}};
  EXPECT_THAT(found(), IsEmpty());
  body.erase("thinking");
  memory.thinks_by_default = true;
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(StrictClaudeThinking, CatchesABudgetThatLeavesNoRoomAndATemperature) {
  expect_caught(body, memory,
                {{R"([{"op":"replace","path":"/max_tokens","value":2000}])", "thinking: the budget"},
                 {R"([{"op":"replace","path":"/thinking/budget_tokens","value":1000}])", "thinking: the budget"},
                 {R"([{"op":"add","path":"/temperature","value":0.2}])", "temperature: stands beside thinking"}});
}

TEST_F(StrictClaudeThinking, CatchesThinkingThatClaudeDidNotMake) {
  expect_caught(body, memory,
                {{R"([{"op":"replace","path":"/messages/1/content/0/signature","value":"kimi"}])", "did not make"},
                 {R"([{"op":"replace","path":"/messages/1/content/0/thinking","value":"Other."}])", "not like this"},
                 {R"([{"op":"replace","path":"/messages/1/content/3/data","value":"zyx"}])", "did not make"},
                 {R"([{"op":"remove","path":"/messages/1/content/0/signature"}])", "did not make"},
                 {R"([{"op":"add","path":"/messages/1/content/0/index","value":0}])", "unknown member 'index'"},
                 {R"([{"op":"copy","from":"/messages/1/content/0","path":"/messages/0/content/0"}])",
                  "thinking in a message of the user's"}});
}

TEST_F(StrictClaudeThinking, CatchesAnotherOrder) {
  // UKGovernmentBEIS/inspect_ai#4922: all thinking first.
  expect_caught(
    body, memory,
    {{R"([{"op":"move","from":"/messages/1/content/3","path":"/messages/1/content/1"}])", "is not what stood there"},
     {R"([{"op":"move","from":"/messages/1/content/3","path":"/messages/1/content/0"}])", "out of its order"},
     {R"([{"op":"copy","from":"/messages/1/content/0","path":"/messages/3/content/0"}])", "out of its order"},
     {R"([{"op":"move","from":"/messages/1/content/3","path":"/messages/1/content/4"}])",
      "its last block is thinking"}});
}

TEST_F(StrictClaudeThinking, CatchesAHalfOfWhatAnAnswerThought) {
  leave_out(1, 3);
  EXPECT_THAT(found(), Contains(HasSubstr("thinking between other thinking is left out")));
}

TEST_F(StrictClaudeThinking, CatchesARunningTurnThatDoesNotBeginWithThinking) {
  // anomalyco/opencode#3077: the first call was made by a fallback.
  leave_out(1, 3);
  leave_out(1, 0);
  EXPECT_THAT(found(), Contains(HasSubstr("messages[1]: the running turn does not begin with thinking")));
  body["thinking"] = {{"type", "adaptive"}};
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(StrictClaudeThinking, CatchesALastAnswerThatDoesNotBeginWithThinkingUnlessClaudeMadeItSo) {
  leave_out(3, 0);
  EXPECT_THAT(found(), Contains(HasSubstr("messages[3]: the last answer does not begin with thinking")));
  memory.answers.back().content.erase(0);
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(StrictClaudeThinking, CatchesThinkingInTheRunningTurnIfItIsOff) {
  body.erase("thinking");
  EXPECT_THAT(found(), Contains(HasSubstr("messages[1]: thinking in the running turn, though it is off")));
  body["thinking"] = {{"type", "disabled"}};
  EXPECT_THAT(found(), Contains(HasSubstr("messages[3]: thinking in the running turn, though it is off")));
}

TEST_F(StrictClaudeThinking, LetsThinkingOfEarlierTurnsStandOrGo) {
  answer({text("Mild.")});
  say("user", {text("Thanks.")});
  EXPECT_THAT(found(), IsEmpty());
  body.erase("thinking");
  EXPECT_THAT(found(), IsEmpty());
  leave_out(1, 3);
  leave_out(1, 0);
  EXPECT_THAT(found(), IsEmpty());
  leave_out(3, 0);
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(StrictClaudeThinking, CatchesThinkingLeftOutBetweenAnswersOfModelsThatBindIt) {
  answer({thinking("Third.", "s4"), call("t4")});
  say("user", {result("t4")});
  leave_out(3, 0);
  EXPECT_THAT(found(), Contains(HasSubstr("thinking between other thinking is left out")));
  memory.binds_thinking = false;
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(StrictClaudeThinking, CatchesAnotherConversationBeforeIt) {
  // pydantic/pydantic-ai#7984: another system prompt, one tool more; Troupe's own: a message that was merged or
  // renamed.
  expect_caught(body, memory,
                {{R"([{"op":"add","path":"/system","value":"It is Monday."}])", "made for another system"},
                 {R"([{"op":"remove","path":"/tools/1"}])", "made for another tools"},
                 {R"([{"op":"replace","path":"/messages/0/content/0/text","value":"Now?"}])", "behind other messages"},
                 {R"([{"op":"replace","path":"/messages/1/content/2/id","value":"t9"},
                      {"op":"replace","path":"/messages/2/content/0/tool_use_id","value":"t9"}])",
                  "messages[3].content[0]: thinking that was made behind other messages"}});
  body["system"] = "It is Monday.";
  memory.binds_thinking = false;
  EXPECT_THAT(found(), IsEmpty());
}

} // namespace

} // namespace troupe::strict
