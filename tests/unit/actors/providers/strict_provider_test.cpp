#include "strict_provider.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <functional>

/// The validators themselves: a good body passes, and each rule catches the body that breaks it.
namespace troupe::strict {

namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

/// What is wrong with a good body, and what is said of that.
struct breach {
  /// RFC 6902, as `[{"op":"replace","path":…}]`.
  std::string patch;
  std::string says;
};

json patched(const json& good, const std::string& patch) {
  return good.patch(json::parse(patch));
}

void expect_caught(const json& good, const std::vector<breach>& breaches,
                   const std::function<violations(const json&)>& validate) {
  for (const auto& breach : breaches)
    EXPECT_THAT(validate(patched(good, breach.patch)), Contains(HasSubstr(breach.says))) << breach.patch;
}

// -- chat completions -------------------------------------------------------------

/// Two turns, one with two calls; its results come in another order than its calls.
const auto completions = json::parse(R"({
  "model": "m", "stream": true,
  "messages": [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Weather?"},
    {"role": "assistant", "content": null, "tool_calls": [
      {"id": "abcdefgh1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Ulm\"}"}},
      {"id": "abcdefgh2", "type": "function", "function": {"name": "time", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "abcdefgh2", "content": "noon"},
    {"role": "tool", "tool_call_id": "abcdefgh1", "content": ""},
    {"role": "assistant", "content": "Sunny."},
    {"role": "user", "content": "Thanks."}],
  "tools": [
    {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}},
    {"type": "function", "function": {"name": "time", "parameters": {"type": "object", "properties": {}}}}]
})");

const std::vector<breach> common_breaches{
  {R"([{"op":"remove","path":"/model"}])", "model: is missing"},
  {R"([{"op":"replace","path":"/messages","value":[]}])", "messages: is no list, or an empty one"},
  {R"([{"op":"add","path":"/messages/3","value":7}])", "messages[3]: is no object"},
  {R"([{"op":"replace","path":"/messages/1/role","value":"developer"}])", "unknown role 'developer'"},
  {R"([{"op":"add","path":"/messages/2","value":{"role":"system","content":"x"}}])", "is not the first"},
  {R"([{"op":"add","path":"/messages/1","value":{"role":"user","content":"x"}}])", "two user messages in a row"},
  {R"([{"op":"remove","path":"/messages/1"}])", "an assistant message begins"},
  {R"([{"op":"add","path":"/messages/6","value":{"role":"assistant","content":"x"}}])",
   "two assistant messages in a row"},
  {R"([{"op":"remove","path":"/messages/5"}])", "a user message right behind a tool message"},
  {R"([{"op":"remove","path":"/messages/6"}])", "the last message is the assistant's"},
  {R"([{"op":"replace","path":"/messages/1/content","value":""}])", "messages[1]: it has no text"},
  {R"([{"op":"replace","path":"/messages/5/content","value":""}])", "messages[5]: it has no text"},
  {R"([{"op":"replace","path":"/messages/5/content","value":null}])", "messages[5]: it has no text"},
  {R"([{"op":"replace","path":"/messages/0/content","value":""}])", "messages[0]: it has no text"},
  {R"([{"op":"replace","path":"/messages/2/content","value":{}}])", "the content is neither text nor null"},
  {R"([{"op":"replace","path":"/messages/3/content","value":{"a":1}}])", "messages[3]: the content is no text"},
  {R"([{"op":"add","path":"/messages/5/tool_calls","value":[]}])", "tool_calls is no list, or an empty one"},
  {R"([{"op":"remove","path":"/messages/3"}])", "the call 'abcdefgh2' before it has no result"},
  {R"([{"op":"copy","from":"/messages/3","path":"/messages/4"}])", "a result of 'abcdefgh2', which no call"},
  {R"([{"op":"replace","path":"/messages/3/tool_call_id","value":"x"}])", "a result of 'x', which no call"},
  {R"([{"op":"move","from":"/messages/3","path":"/messages/2"}])", "a result of 'abcdefgh2', which no call"},
  {R"([{"op":"replace","path":"/messages/2/tool_calls/1/id","value":"abcdefgh1"}])", "'abcdefgh1' is not unique"},
  {R"([{"op":"replace","path":"/messages/2/tool_calls/0/id","value":""}])", "the id '' is empty or longer than 40"},
  {R"([{"op":"replace","path":"/messages/2/tool_calls/0/id","value":"call_0123456789012345678901234567890123456789"}])",
   "is empty or longer than 40"},
  {R"([{"op":"remove","path":"/messages/2/tool_calls/0/type"}])", "its type is not \"function\""},
  {R"([{"op":"replace","path":"/messages/2/tool_calls/0/function/name","value":""}])", "tool_calls[0]: the name ''"},
  {R"([{"op":"replace","path":"/messages/2/tool_calls/0/function/name","value":"a.b"}])", "the name 'a.b'"},
  {R"([{"op":"replace","path":"/messages/2/tool_calls/0/function/arguments","value":"{\"city\":\"Ul"}])",
   "the arguments are no JSON object as text"},
  {R"([{"op":"replace","path":"/messages/2/tool_calls/0/function/arguments","value":"[]"}])",
   "the arguments are no JSON object as text"},
  {R"([{"op":"replace","path":"/messages/2/tool_calls/0/function/arguments","value":{}}])",
   "the arguments are no JSON object as text"},
  {R"([{"op":"add","path":"/messages/3/name","value":"time"}])", "unknown member 'name'"},
  {R"([{"op":"add","path":"/messages/2/reasoning_details","value":[]}])", "unknown member 'reasoning_details'"},
  {R"([{"op":"add","path":"/messages/2/tool_calls/0/index","value":0}])", "unknown member 'index'"},
  {R"([{"op":"remove","path":"/tools"}])", "tools: the conversation has calls, but there are none"},
  {R"([{"op":"replace","path":"/tools","value":[]}])", "tools: is no list, or an empty one"},
  {R"([{"op":"replace","path":"/tools/0/type","value":"web"}])", "tools[0]: is no function"},
  {R"([{"op":"replace","path":"/tools/0/function/name","value":"Wetter für heute"}])", "the name 'Wetter für heute'"},
  {R"([{"op":"replace","path":"/tools/1/function/name","value":"weather"}])", "'weather' is there twice"},
  {R"([{"op":"replace","path":"/tools/0/function/parameters","value":true}])", "the schema is no object"},
  {R"([{"op":"remove","path":"/tools/0/function/parameters"}])", "the schema is no object"},
  {R"([{"op":"replace","path":"/tools/0/function/parameters/type","value":"string"}])", "type is not \"object\""},
  {R"([{"op":"remove","path":"/tools/0/function/parameters/properties"}])", "the schema's properties are no object"},
  {R"([{"op":"add","path":"/tools/0/function/parameters/anyOf","value":[]}])", "the schema has anyOf at its top"},
  {R"([{"op":"add","path":"/tools/0/function/parameters/not","value":{}}])", "the schema has not at its top"},
};

TEST(StrictProvider, TakesAGoodConversationForEveryServerOfChatCompletions) {
  EXPECT_THAT(violations_for_openai(completions), IsEmpty());
  EXPECT_THAT(violations_for_mistral(completions), IsEmpty());
}

TEST(StrictProvider, TakesAToolLoopThatIsStillOpen) {
  auto open = completions;
  open["messages"].erase(6);
  open["messages"].erase(5);
  EXPECT_THAT(violations_for_openai(open), IsEmpty());
  open["messages"][0]["content"] = "\xF0\x9F\x98\x80";
  EXPECT_THAT(violations_for_mistral(open), IsEmpty());
}

TEST(StrictProvider, CatchesWhatAnyServerOfChatCompletionsRefuses) {
  expect_caught(completions, common_breaches, violations_for_openai);
  expect_caught(completions, common_breaches, violations_for_mistral);
  expect_caught(completions, common_breaches, [](const json& body) { return violations_for_deepseek(body, {}); });
  expect_caught(completions, common_breaches, [](const json& body) { return violations_for_gemini(body, {}); });
}

TEST(StrictProvider, CatchesMoreThan128ToolsOrCalls) {
  auto many = completions;
  for (int i = 0; i < 127; ++i) {
    auto tool = completions["tools"][0];
    tool["function"]["name"] = "t" + std::to_string(i);
    many["tools"].push_back(tool);
    auto call = completions["messages"][2]["tool_calls"][0];
    call["id"] = std::to_string(i);
    many["messages"][2]["tool_calls"].push_back(call);
  }
  EXPECT_THAT(violations_for_openai(many), Contains(HasSubstr("tools: more than 128")));
  EXPECT_THAT(violations_for_openai(many), Contains(HasSubstr("messages[2]: more than 128 calls")));
}

TEST(StrictProvider, CatchesWhatOnlyMistralRefuses) {
  const auto with_id = [](const std::string& id) {
    return R"([{"op":"replace","path":"/messages/2/tool_calls/0/id","value":")" + id
           + R"("},{"op":"replace","path":"/messages/4/tool_call_id","value":")" + id + R"("}])";
  };
  const std::vector<breach> breaches{
    {with_id("call_1"), "the id 'call_1' is not nine"},
    {with_id("abcdefg_1"), "the id 'abcdefg_1' is not nine"},
    {with_id("abcdefgh10"), "the id 'abcdefgh10' is not nine"},
    {R"([{"op":"add","path":"/messages/2/reasoning_content","value":"x"}])", "unknown member 'reasoning_content'"},
    {R"([{"op":"add","path":"/messages/2/tool_calls/0/extra_content","value":{}}])", "unknown member 'extra_content'"},
  };
  expect_caught(completions, breaches, violations_for_mistral);
  EXPECT_THAT(violations_for_openai(patched(completions, with_id("call_1"))), IsEmpty());
}

TEST(StrictProvider, CatchesWhatOnlyDeepSeekRefuses) {
  auto good = completions;
  good["messages"][2]["reasoning_content"] = "I ask.";
  good["messages"][5]["reasoning_content"] = "";
  const known_values known{{"I ask.", "Mine too."}, {"Kimi's"}};
  const auto validate = [&](const json& body) { return violations_for_deepseek(body, known); };
  EXPECT_THAT(validate(good), IsEmpty());
  const std::vector<breach> breaches{
    {R"([{"op":"remove","path":"/messages/2/reasoning_content"}])", "messages[2]: lacks reasoning_content"},
    {R"([{"op":"replace","path":"/messages/2/reasoning_content","value":null}])", "lacks reasoning_content"},
    {R"([{"op":"remove","path":"/messages/5/reasoning_content"}])", "messages[5]: lacks reasoning_content"},
    {R"([{"op":"replace","path":"/messages/2/reasoning_content","value":""}])", "an empty reasoning_content that"},
    {R"([{"op":"replace","path":"/messages/2/reasoning_content","value":"Kimi's"}])", "reasoning of another model"},
    {R"([{"op":"add","path":"/messages/1/reasoning_content","value":"x"}])", "unknown member 'reasoning_content'"},
  };
  expect_caught(good, breaches, validate);
}

TEST(StrictProvider, LetsDeepSeekGoWithoutReasoningWhereItMay) {
  auto off = completions;
  off["thinking"]["type"] = "disabled";
  EXPECT_THAT(violations_for_deepseek(off, {}), IsEmpty());
  const auto plain = json::parse(R"({"model":"m","messages":[{"role":"user","content":"a"},
    {"role":"assistant","content":"b"},{"role":"user","content":"c"}]})");
  EXPECT_THAT(violations_for_deepseek(plain, {}), IsEmpty());
  auto empty = completions;
  empty["messages"][2]["reasoning_content"] = "";
  empty["messages"][5]["reasoning_content"] = "";
  EXPECT_THAT(violations_for_deepseek(empty, {{""}, {}}), IsEmpty()) << "its own calls may come without any";
}

TEST(StrictProvider, CatchesWhatOnlyGeminiRefuses) {
  const auto signed_by = [](const std::string& signature) {
    return json{{"google", {{"thought_signature", signature}}}};
  };
  auto good = completions;
  good["messages"][2]["tool_calls"][0]["extra_content"] = signed_by("CiQB");
  good["messages"][5]["extra_content"] = signed_by("CiQC");
  const known_values known{{"CiQB", "CiQC"}, {"EvoB"}};
  const auto validate = [&](const json& body) { return violations_for_gemini(body, known); };
  EXPECT_THAT(validate(good), IsEmpty());
  const auto signature = [](const std::string& place, const std::string& value) {
    return R"([{"op":"add","path":")" + place + R"(/extra_content","value":{"google":{"thought_signature":")" + value
           + R"("}}}])";
  };
  EXPECT_THAT(validate(patched(good, signature("/messages/2/tool_calls/0", "skip_thought_signature_validator"))),
              IsEmpty());
  const std::vector<breach> breaches{
    {R"([{"op":"remove","path":"/messages/2/tool_calls/0/extra_content"}])", "the first call has no signature"},
    {signature("/messages/2/tool_calls/0", "EvoB"), "tool_calls[0]: has a signature of another model"},
    {signature("/messages/2/tool_calls/1", "made up"), "tool_calls[1]: has a signature of nobody's"},
    {signature("/messages/2/tool_calls/1", "CiQB"), "has a signature that stands elsewhere too"},
    {signature("/messages/5", "EvoB"), "messages[5]: has a signature of another model"},
    {R"([{"op":"replace","path":"/messages/2/tool_calls/0/function/name","value":"1st"}])", "begins with no letter"},
    {R"([{"op":"replace","path":"/tools/0/function/name","value":"-weather"}])", "begins with no letter"},
    {R"([{"op":"add","path":"/messages/2/reasoning_content","value":"x"}])", "unknown member 'reasoning_content'"},
  };
  expect_caught(good, breaches, validate);
}

} // namespace

} // namespace troupe::strict
