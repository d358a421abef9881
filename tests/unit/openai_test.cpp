#include "actors/providers/openai.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <random>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const openai_provider openai{};

// -- requests -------------------------------------------------------------------

struct conversation {
  model_record model;
  bot_record bot;
  std::vector<message_record> history;
  std::vector<tool_definition> tools;

  conversation() {
    model.base_url = "https://host/v1/";
    model.model = "gpt";
  }
  message_record& add(message_role role, std::string content) {
    auto& message = history.emplace_back();
    message.role = role;
    message.content = std::move(content);
    return message;
  }
  [[nodiscard]] outbound_request request(std::string_view key = {}) const {
    return openai.request({model, bot, history, tools}, key);
  }
  [[nodiscard]] json body() const { return json::parse(request().body); }
};

// -- answers --------------------------------------------------------------------

struct outcome {
  provider_answer answer;
  answer_delta delta;
  std::optional<provider_failure> failure;
  /// The same, or what the end of the stream makes of it.
  std::optional<provider_failure> closed;
  bool ended = false;
  bool may_end = false;
};

outcome read_events(const std::vector<sse_event>& events) {
  const auto reader = openai.reader();
  outcome out;
  for (const auto& event : events) {
    out.failure = reader->read(event, out.delta);
    if (out.failure)
      break;
  }
  out.ended = reader->ended();
  out.closed = out.failure ? out.failure : reader->close();
  out.may_end = !out.closed;
  out.answer = reader->answer();
  return out;
}

outcome read_chunks(const std::vector<std::string>& chunks) {
  std::vector<sse_event> events;
  for (const auto& chunk : chunks)
    events.push_back({"", chunk});
  return read_events(events);
}

tool_call call(std::string provider_id, std::string tool, std::string arguments) {
  return {"", std::move(tool), std::move(arguments), std::move(provider_id)};
}

/// A chunk with this delta.
std::string delta(const std::string& members) {
  return R"({"choices":[{"index":0,"delta":{)" + members + R"(},"finish_reason":null}]})";
}

std::string calls(const std::string& elements) {
  return delta(R"("tool_calls":[)" + elements + "]");
}

std::string finish(const std::string& reason) {
  return R"({"choices":[{"index":0,"delta":{},"finish_reason":")" + reason + R"("}]})";
}

const std::string usage = R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}})";

provider_failure failure_of(unsigned status, std::string_view body, header_list headers = {}) {
  return openai.failure_of({status, std::move(headers)}, body, timestamp{});
}

} // namespace

TEST(OpenaiRequest, AsksForAStream) {
  conversation talk;
  talk.add(message_role::user, "Hello");
  const auto request = talk.request();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://host/v1/chat/completions");
  EXPECT_EQ(json::parse(request.body), json::parse(R"({"model":"gpt","stream":true,
    "stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hello"}]})"));
}

TEST(OpenaiRequest, CarriesTheBotsSettings) {
  conversation talk;
  talk.bot.system_prompt = "Be brief.";
  talk.bot.temperature = 0.5;
  talk.bot.max_tokens = 100;
  const auto body = talk.body();
  EXPECT_EQ(body["messages"][0], json::parse(R"({"role":"system","content":"Be brief."})"));
  EXPECT_EQ(body["temperature"], 0.5);
  EXPECT_EQ(body["max_tokens"], 100);
}

TEST(OpenaiRequest, TakesTheModelsParametersLast) {
  conversation talk;
  talk.bot.max_tokens = 100;
  talk.bot.temperature = 1;
  talk.model.parameters = R"({"max_tokens":null,"max_completion_tokens":1000,"temperature":0,"top_p":0.9,"none":null})";
  const auto body = talk.body();
  EXPECT_FALSE(body.contains("max_tokens"));
  EXPECT_FALSE(body.contains("none"));
  EXPECT_EQ(body["max_completion_tokens"], 1000);
  EXPECT_EQ(body["temperature"], 0);
  EXPECT_EQ(body["top_p"], 0.9);
}

TEST(OpenaiRequest, ShowsCallsAndTheirResults) {
  conversation talk;
  talk.add(message_role::user, "What time is it?");
  auto& intent = talk.add(message_role::assistant, "");
  intent.tool_calls = {{"c1", "add", R"({"a": 1})"}, {"c2", "now", ""}};
  auto& first = talk.add(message_role::tool, R"({"sum":2})");
  first.call_id = "c1";
  first.tool = "add";
  talk.add(message_role::tool, R"("noon \u2600")").call_id = "c2";
  talk.add(message_role::assistant, "It is noon.");
  talk.add(message_role::user, "\xff");
  const auto messages = talk.body()["messages"];
  ASSERT_EQ(messages.size(), 6U);
  const auto& calls = messages[1]["tool_calls"];
  EXPECT_EQ(messages[1]["content"], nullptr);
  EXPECT_EQ(calls[0]["type"], "function");
  EXPECT_EQ(calls[0]["function"], json::parse(R"j({"name":"add","arguments":"{\"a\": 1}"})j"));
  EXPECT_EQ(calls[1]["function"]["arguments"], "{}");
  EXPECT_EQ(messages[2], json({{"role", "tool"}, {"content", R"({"sum":2})"}, {"tool_call_id", calls[0]["id"]}}));
  EXPECT_EQ(messages[3], json({{"role", "tool"}, {"content", "noon ☀"}, {"tool_call_id", calls[1]["id"]}}));
  EXPECT_EQ(messages[4], json({{"role", "assistant"}, {"content", "It is noon."}}));
  EXPECT_EQ(messages[5]["content"], "\xef\xbf\xbd");
}

TEST(OpenaiRequest, DefinesTools) {
  conversation talk;
  talk.tools = {{"now", "", ""},
                {"add", "Adds.", R"({"type":"object","properties":{"a":{}},"required":["a"]})"},
                {"odd", "", "[1"}};
  EXPECT_EQ(talk.body()["tools"], json::parse(R"([
    {"type":"function","function":{"name":"now","parameters":{"type":"object","properties":{}}}},
    {"type":"function","function":{"name":"add","description":"Adds.",
      "parameters":{"type":"object","properties":{"a":{}},"required":["a"]}}},
    {"type":"function","function":{"name":"odd","parameters":{"type":"object","properties":{}}}}])"));
}

// earendil-works/pi#149: strict gateways refuse calls in a request without tools.
TEST(OpenaiRequest, NamesToolsThatTheBotDoesNotHaveAnyMore) {
  conversation talk;
  talk.add(message_role::user, "go");
  talk.add(message_role::assistant, "").tool_calls = {{"c1", "add", "{}"}, {"c2", "add", "{}"}, {"c3", "no.w", "{}"}};
  talk.add(message_role::tool, "1").call_id = "c1";
  const auto body = talk.body();
  ASSERT_EQ(body["tools"].size(), 2U);
  EXPECT_EQ(body["tools"][0]["function"]["name"], "add");
  EXPECT_EQ(body["tools"][1]["function"]["name"], body["messages"][1]["tool_calls"][2]["function"]["name"]);
  talk.tools = {{"other", "", ""}};
  EXPECT_EQ(talk.body()["tools"].size(), 1U);
}

TEST(OpenaiRequest, CarriesTheKey) {
  const conversation talk;
  EXPECT_THAT(talk.request("k1").headers,
              ElementsAre(std::pair{"Accept"s, "text/event-stream"s}, std::pair{"Content-Type"s, "application/json"s},
                          std::pair{"Authorization"s, "Bearer k1"s}));
  EXPECT_EQ(talk.request().headers.size(), 2U);
}

TEST(OpenaiRequest, PrefersTheModelsHeaders) {
  conversation talk;
  talk.model.headers = {{"authorization", "Basic x"}, {"X-Title", "t"}, {"ACCEPT", "*/*"}};
  EXPECT_THAT(talk.request("k1").headers,
              ElementsAre(std::pair{"Content-Type"s, "application/json"s}, std::pair{"authorization"s, "Basic x"s},
                          std::pair{"X-Title"s, "t"s}, std::pair{"ACCEPT"s, "*/*"s}));
}

// -- streams --------------------------------------------------------------------

TEST(OpenaiReader, PutsTextTogether) {
  const auto out = read_chunks({delta(R"("role":"assistant","content":"")"), delta(R"("content":"Hel")"),
                                delta(R"("content":null)"), delta(R"("content":"lo")"), finish("stop"), usage});
  EXPECT_FALSE(out.failure);
  EXPECT_EQ(out.answer.text, "Hello");
  EXPECT_EQ(out.delta.text, "Hello");
  EXPECT_EQ(out.answer.finish_reason, "stop");
  EXPECT_EQ(out.answer.input_tokens, 7);
  EXPECT_EQ(out.answer.output_tokens, 3);
}

// su-kaka/gcli2api#403, open-webui/open-webui#16377: a finish reason and a count with each chunk are no end.
TEST(OpenaiReader, EndsWithDoneOrWithTheStream) {
  const auto said = delta(R"("content":"a")");
  EXPECT_FALSE(read_chunks({said}).may_end);
  EXPECT_FALSE(read_chunks({said, usage}).may_end);
  EXPECT_FALSE(read_chunks({said, usage, finish("stop")}).ended);
  EXPECT_TRUE(read_chunks({said, finish("stop")}).may_end);
  EXPECT_FALSE(read_chunks({said, finish("stop")}).ended);
  EXPECT_FALSE(read_chunks({said, finish("stop"), usage}).ended);
  EXPECT_TRUE(read_chunks({said, finish("stop"), usage}).may_end);
  EXPECT_TRUE(read_chunks({said, finish("stop"), "[DONE]"}).ended);
  EXPECT_TRUE(read_chunks({said, " [DONE]\n"}).ended);
  EXPECT_TRUE(read_chunks({said, "[DONE]"}).may_end);
  const auto each = [](const std::string& text) {
    return R"({"choices":[{"delta":{"content":")" + text
           + R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}})";
  };
  EXPECT_EQ(read_chunks({each("The "), each("answer"), each("."), "[DONE]"}).answer.text, "The answer.");
}

TEST(OpenaiReader, IgnoresWhatFollowsTheEnd) {
  const auto out = read_chunks({delta(R"("content":"a")"), "[DONE]", "nonsense", delta(R"("content":"b")")});
  EXPECT_FALSE(out.failure);
  EXPECT_EQ(out.answer.text, "a");
}

TEST(OpenaiReader, TellsThinkingFromText) {
  const auto out = read_chunks(
    {delta(R"("reasoning_content":"Hm","reasoning":"Hm")"), delta(R"("reasoning":", so")"),
     delta(R"("content":[{"type":"text","text":"Y"},{"type":"text","text":"es"}],"reasoning":null)"), finish("stop")});
  EXPECT_EQ(out.delta.thinking, "Hm, so");
  EXPECT_EQ(out.answer.text, "Yes");
  EXPECT_EQ(json::parse(out.answer.replay), json({{"reasoning_content", "Hm"}, {"reasoning", "Hm, so"}}));
}

TEST(OpenaiReader, PutsCallsTogetherByTheirIndex) {
  const auto out
    = read_chunks({calls(R"({"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}})"),
                   calls(R"({"index":0,"function":{"arguments":"{\"x\""}})"),
                   calls(R"({"index":1,"id":"b","function":{"name":"g","arguments":"{"}})"),
                   calls(R"({"index":0,"function":{"arguments":":1}"}},{"index":1,"function":{"arguments":"}"}})"),
                   finish("tool_calls"), "[DONE]"});
  EXPECT_THAT(out.answer.calls, ElementsAre(call("a", "f", R"({"x":1})"), call("b", "g", "{}")));
  EXPECT_EQ(out.answer.finish_reason, "tool_calls");
}

TEST(OpenaiReader, PutsCallsTogetherWithoutAnIndex) {
  const auto by_id = read_chunks({calls(R"({"id":"a","function":{"name":"f","arguments":"1"}})"),
                                  calls(R"({"id":"b","function":{"name":"g","arguments":"2"}})"),
                                  calls(R"({"id":"a","function":{"arguments":"3"}})")});
  EXPECT_THAT(by_id.answer.calls, ElementsAre(call("a", "f", "13"), call("b", "g", "2")));
  const auto by_name
    = read_chunks({calls(R"({"function":{"name":"f","arguments":"1"}})"), calls(R"({"function":{"arguments":"2"}})"),
                   calls(R"({"function":{"name":"f","arguments":"3"}})")});
  EXPECT_THAT(by_name.answer.calls, ElementsAre(call("", "f", "12"), call("", "f", "3")));
}

TEST(OpenaiReader, TellsCallsApartThatAreAllNumberedZero) {
  const auto out = read_chunks({calls(R"({"index":0,"id":"a","function":{"name":"f","arguments":"1"}})"),
                                calls(R"({"index":0,"id":"b","function":{"name":"f","arguments":"2"}})"),
                                calls(R"({"index":0,"id":"c","function":{"arguments":"3"}})")});
  EXPECT_THAT(out.answer.calls, ElementsAre(call("a", "f", "1"), call("b", "f", "23")));
}

// NousResearch/hermes-agent#62940, omnigent-ai/omnigent#28, su-kaka/gcli2api#406: no ids, one number, whole arguments.
TEST(OpenaiReader, TellsCallsApartThatHaveNeitherNumberNorId) {
  const auto two = read_chunks({calls(R"({"index":0,"id":"","function":{"name":"f","arguments":"{\"a\":1}"}})"),
                                calls(R"({"index":0,"id":"","function":{"name":"f","arguments":"{\"a\":2}"}})"),
                                calls(R"({"index":0,"id":"","function":{"name":"f","arguments":""}})")});
  EXPECT_THAT(two.answer.calls, ElementsAre(call("", "f", R"({"a":1})"), call("", "f", R"({"a":2})")));
  const auto at_once = read_chunks({calls(R"({"index":0,"function":{"name":"f","arguments":"{}"}},)"
                                          R"({"index":0,"function":{"name":"g","arguments":"{}"}})")});
  EXPECT_THAT(at_once.answer.calls, ElementsAre(call("", "f", "{}"), call("", "g", "{}")));
  const auto in_pieces = read_chunks({calls(R"({"index":0,"function":{"name":"f","arguments":"{\"a\""}})"),
                                      calls(R"({"index":0,"function":{"name":"f","arguments":":1}"}})")});
  EXPECT_THAT(in_pieces.answer.calls, ElementsAre(call("", "f", R"({"a":1})")));
}

// NousResearch/hermes-agent#8259, sgl-project/sglang#35542, vercel/ai#16507.
TEST(OpenaiReader, TakesANameOnceHoweverOftenItComes) {
  const auto out = read_chunks({calls(R"({"index":0,"id":"c1","function":{"name":""}})"),
                                calls(R"({"index":0,"id":null,"function":{"name":"weather","arguments":"{"}})"),
                                calls(R"({"index":0,"id":"c1","function":{"name":"weather","arguments":"}"}})"),
                                calls(R"({"index":0,"id":null,"function":{"name":null,"arguments":""}})")});
  EXPECT_THAT(out.answer.calls, ElementsAre(call("c1", "weather", "{}")));
}

// langroid/langroid#969, labring/aiproxy#450; on Vertex the member has another name (earendil-works/pi#6733).
TEST(OpenaiReader, KeepsWhatGeminiPutsBesideACall) {
  for (const std::string extra :
       {R"({"google":{"thought_signature":"CiQB"}})", R"({"vertex":{"thought_signature":"x"}})"}) {
    const auto out = read_chunks(
      {calls(R"({"index":0,"id":"a","function":{"name":"f","arguments":"{}"},"extra_content":)" + extra + "}"),
       finish("stop")});
    EXPECT_EQ(json::parse(out.answer.calls.at(0).extra), json({{"extra_content", json::parse(extra)}}));
  }
}

// agno-agi/agno#8794, UKGovernmentBEIS/inspect_ai#4079: pieces of a block share type and index.
TEST(OpenaiReader, PutsReasoningDetailsTogether) {
  const auto detail = [](const std::string& members) { return delta(R"("reasoning_details":[{)" + members + "}]"); };
  const auto out = read_chunks({detail(R"("type":"reasoning.text","index":0,"text":"Let ","format":"x")"),
                                detail(R"("type":"reasoning.text","index":0,"text":"me.","signature":null)"),
                                detail(R"("type":"reasoning.encrypted","index":1,"data":"ab","id":"c1")"),
                                detail(R"("type":"reasoning.text","index":0,"signature":"sig")"),
                                detail(R"("type":"reasoning.summary","summary":"s")"),
                                detail(R"("type":"reasoning.summary","summary":"t")"), finish("stop")});
  EXPECT_EQ(json::parse(out.answer.replay)["reasoning_details"], json::parse(R"([
    {"type":"reasoning.text","index":0,"text":"Let me.","format":"x","signature":"sig"},
    {"type":"reasoning.encrypted","index":1,"data":"ab","id":"c1"},
    {"type":"reasoning.summary","summary":"s"},{"type":"reasoning.summary","summary":"t"}])"));
}

// BerriAI/litellm#16272, symfony/ai#2422.
TEST(OpenaiReader, TakesThinkingOutOfContentInParts) {
  const auto out
    = read_chunks({delta(R"("content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"x"}])"),
                   delta(R"("content":[{"type":"text","text":"Hel"}])"), delta(R"("content":"lo")"), finish("stop")});
  EXPECT_EQ(out.answer.text, "Hello");
  EXPECT_EQ(out.delta.thinking, "hm");
}

// earendil-works/pi#8943: arguments that come as JSON and not as text keep their digits.
TEST(OpenaiReader, KeepsTheDigitsOfArguments) {
  const auto out = read_chunks({calls(R"({"function":{"name":"pay","arguments":{"wei":1000000000000000000001}}})")});
  EXPECT_THAT(out.answer.calls, ElementsAre(call("", "pay", R"({"wei":1000000000000000000001})")));
}

TEST(OpenaiReader, TakesWholeCallsAtOnce) {
  const auto out = read_chunks({calls(R"({"function":{"name":"f","arguments":{"x":"ä"}}},{"function":{"name":"g"}})"),
                                calls(R"(null,5,{},{"function":[]})"), finish("stop"), usage});
  EXPECT_FALSE(out.failure);
  EXPECT_THAT(out.answer.calls, ElementsAre(call("", "f", R"({"x":"ä"})"), call("", "g", "")));
  EXPECT_EQ(out.answer.finish_reason, "tool_calls");
}

TEST(OpenaiReader, ReplacesArgumentsThatCameWhole) {
  const auto out = read_chunks({calls(R"({"index":0,"function":{"name":"f","arguments":{}}})"),
                                calls(R"({"index":0,"function":{"name":"f","arguments":"{\"x\":"}})"),
                                calls(R"({"index":0,"function":{"name":null,"arguments":"1}"}})")});
  EXPECT_THAT(out.answer.calls, ElementsAre(call("", "f", R"({"x":1})")));
}

TEST(OpenaiReader, TakesNoCallsForNone) {
  const auto out
    = read_chunks({delta(R"("content":"a","tool_calls":null)"), delta(R"("tool_calls":[])"), finish("stop")});
  EXPECT_THAT(out.answer.calls, IsEmpty());
  EXPECT_EQ(out.answer.finish_reason, "stop");
}

TEST(OpenaiReader, TakesNamesAsTheyAre) {
  const auto out = read_chunks(
    {calls(R"({"index":0,"function":{"name":"get.it"}})"), calls(R"({"index":0,"function":{"name":"get.it"}})"),
     calls(R"({"index":1,"function":{"name":")" + std::string(100, 'x') + R"("}})"),
     calls(R"({"index":2,"function":{"name":"get_"}},{"index":2,"function":{"name":"it-2"}})")});
  ASSERT_EQ(out.answer.calls.size(), 3U);
  EXPECT_EQ(out.answer.calls[0].tool, "get.it");
  EXPECT_EQ(out.answer.calls[1].tool, std::string(64, 'x'));
  EXPECT_EQ(out.answer.calls[2].tool, "get_it-2");
}

TEST(OpenaiReader, CleansText) {
  const auto out = read_chunks({delta("\"content\":\"a\xff\x01\""), delta(R"("content":"b\u0000\u0007c")"),
                                delta(R"("content":"d\ud83d\ude00")"), delta(R"("content":"e\uD83D")"),
                                delta(R"("content":"\ude00f\\ud83d")")});
  EXPECT_FALSE(out.failure);
  EXPECT_EQ(out.answer.text, "a\xef\xbf\xbd"
                             "bcd\xf0\x9f\x98\x80"
                             "e\xef\xbf\xbd\xef\xbf\xbd"
                             "f\\ud83d");
}

TEST(OpenaiReader, PassesOverWhatItDoesNotKnow) {
  const auto out = read_chunks({"", " ", "{}", R"({"choices":null})", R"({"choices":[]})", R"({"choices":[5]})",
                                R"({"choices":[{"delta":5}]})", R"({"choices":{}})", R"({"usage":[]})",
                                R"({"usage":{"prompt_tokens":-1,"completion_tokens":"x"},"error":null})",
                                R"({"error":{}})", R"({"error":""})", delta(R"("content":{},"tool_calls":7)")});
  EXPECT_FALSE(out.failure);
  EXPECT_FALSE(out.may_end);
  EXPECT_FALSE(out.answer.input_tokens);
}

// anomalyco/opencode#50871, mnfst/llm-gateway#2053: signs of life that are dressed as data.
TEST(OpenaiReader, PassesOverCommentsInItsData) {
  const auto out
    = read_chunks({": keepalive", ": OPENROUTER PROCESSING", " : ping ", delta(R"("content":"Hi")"),
                   R"({"choices":[{"index":0,"finish_reason":null,"content_filter_offsets":{}}]})", finish("stop")});
  EXPECT_FALSE(out.closed);
  EXPECT_EQ(out.answer.text, "Hi");
}

// damianvtran/local-operator#223, gethouston/houston#1211: half an answer is none, nor are its calls.
TEST(OpenaiReader, FailsOnAnErrorBehindHalfAnAnswer) {
  const auto half = delta(R"("content":"Half")");
  EXPECT_EQ(read_chunks({half, R"({"error":{"code":502,"message":"Provider disconnected"},"choices":[{"index":0,)"
                               R"("delta":{"content":""},"finish_reason":"error"}]})"})
              .failure.value()
              .kind,
            error_class::transient);
  EXPECT_EQ(read_chunks({half, finish("network_error")}).closed.value().kind, error_class::transient);
}

// raullenchai/Rapid-MLX#575, vllm-project/vllm#51679; MiniMax wants it back where it stood.
TEST(OpenaiReader, TellsThinkingInTheContentFromTheAnswer) {
  const auto out = read_chunks({delta(R"("content":"<think>\nhm")"), delta(R"("content":" ok</thi")"),
                                delta(R"("content":"nk>\n\n42")"), finish("stop")});
  EXPECT_EQ(out.answer.text, "42");
  EXPECT_EQ(out.delta.thinking, "\nhm ok");
  conversation talk;
  talk.add(message_role::user, "go");
  auto& said = talk.add(message_role::assistant, "42");
  said.replay = out.answer.replay;
  said.origin = model_identity(talk.model);
  talk.add(message_role::user, "and?");
  EXPECT_EQ(talk.body()["messages"][1]["content"], "<think>\nhm ok</think>\n\n42");
  EXPECT_EQ(talk.body()["messages"][1].size(), 2U);
  talk.model.model = "another";
  EXPECT_EQ(talk.body()["messages"][1]["content"], "42");
}

TEST(OpenaiReader, FailsOnWhatIsNoJson) {
  for (const auto& nonsense : {"{"s, "[]"s, "nonsense"s, "1"s, "{\"a\":" + std::string(100'000, '[')}) {
    const auto out = read_chunks({nonsense});
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(out.failure->kind, error_class::transient);
    EXPECT_EQ(out.failure->error, "The provider sent an event that is no JSON.");
  }
}

TEST(OpenaiReader, FailsOnAnError) {
  const auto kind_of = [](const std::string& chunk) { return read_chunks({chunk}).failure.value().kind; };
  EXPECT_EQ(kind_of(R"({"error":{"message":"m","type":"server_error","code":null}})"), error_class::transient);
  EXPECT_EQ(kind_of(R"({"error":"overloaded"})"), error_class::transient);
  EXPECT_EQ(kind_of(R"({"error":{"message":"m","code":429}})"), error_class::throttled);
  EXPECT_EQ(kind_of(R"({"error":{"message":"m","code":502}})"), error_class::transient);
  EXPECT_EQ(kind_of(R"({"error":{"message":"m","code":400}})"), error_class::permanent);
  EXPECT_EQ(kind_of(R"({"error":{"message":"m","code":"rate_limit_exceeded"}})"), error_class::throttled);
  EXPECT_EQ(kind_of(R"({"error":{"message":"m","type":"insufficient_quota","code":429}})"), error_class::permanent);
  EXPECT_EQ(kind_of(R"({"object":"error","message":"m","code":500})"), error_class::transient);
  EXPECT_EQ(read_chunks({finish("error")}).closed.value().kind, error_class::transient);
  EXPECT_EQ(read_chunks({R"({"error":{"message":"It broke"}})"}).failure.value().error,
            "The provider sent an error: It broke.");
  EXPECT_EQ(read_events({{"error", "overloaded"}}).failure.value().error, "The provider sent an error: overloaded.");
}

TEST(OpenaiReader, FailsForGoodOnARefusal) {
  const auto refused
    = read_chunks({delta(R"("refusal":"I will ")"), delta(R"("refusal":"not.","content":null)"), finish("stop")});
  ASSERT_TRUE(refused.closed);
  EXPECT_EQ(refused.closed->kind, error_class::permanent);
  EXPECT_EQ(refused.closed->error, "The model refused to answer: I will not.");
  EXPECT_TRUE(read_chunks({delta(R"("refusal":"No.")"), "[DONE]"}).closed);
  EXPECT_EQ(read_chunks({finish("content_filter")}).closed.value().kind, error_class::permanent);
  EXPECT_EQ(refused.closed->finish, finish_reason::refusal);
  const auto cut = read_chunks({delta(R"("content":"a")"), finish("content_filter"), usage});
  EXPECT_FALSE(cut.closed);
  EXPECT_EQ(cut.answer.finish_reason, "content_filter");
}

TEST(OpenaiReader, FailsOnMoreThanItHolds) {
  const auto mebibyte = std::string(1024 * 1024, 'x');
  std::vector<std::string> chunks(8, delta(R"("content":")" + mebibyte + R"(")"));
  EXPECT_FALSE(read_chunks(chunks).failure);
  chunks.push_back(delta(R"("reasoning":"x")"));
  EXPECT_EQ(read_chunks(chunks).failure.value().error, "The provider sent more than 8 MiB of text.");
  chunks.assign(128, calls(R"({"function":{"name":"f"}})"));
  EXPECT_FALSE(read_chunks(chunks).failure);
  chunks.push_back(chunks.front());
  EXPECT_EQ(read_chunks(chunks).failure.value().error, "The provider sent more than 128 tool calls.");
  chunks.assign(1, calls(R"({"function":{"name":"f","arguments":")" + mebibyte + R"("}})"));
  EXPECT_FALSE(read_chunks(chunks).failure);
  chunks.push_back(calls(R"({"function":{"arguments":"x"}})"));
  const auto failure = read_chunks(chunks).failure.value();
  EXPECT_EQ(failure.error, "The provider sent more than 1 MiB of arguments for a tool call.");
  EXPECT_EQ(failure.kind, error_class::transient);
}

TEST(OpenaiReader, SurvivesAnythingThatWasAStream) {
  const std::vector<std::string> chunks{delta(R"("content":"Hä\ud83d\ude00","refusal":null,"reasoning":"r")"),
                                        calls(R"({"index":0,"id":"a","function":{"name":"f","arguments":{"x":[1]}}})"),
                                        calls(R"({"index":0,"function":{"arguments":"1"}},{"id":"b"})"),
                                        R"({"error":{"message":"m","code":429,"loc":["a"]}})",
                                        finish("length"),
                                        usage};
  std::mt19937 random{20240602};
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>{0, n - 1}(random); };
  const std::string bytes = "{}[]\",:\\u0n-1\xff\xed\n"s + '\0';
  for (int round = 0; round < 1000; ++round) {
    std::vector<std::string> broken;
    for (auto n = below(8) + 1; n > 0; --n) {
      auto chunk = chunks[below(chunks.size())];
      for (auto changes = below(3); changes > 0; --changes)
        chunk[below(chunk.size())] = bytes[below(bytes.size())];
      if (below(4) == 0)
        chunk.erase(below(chunk.size()), below(10));
      broken.push_back(chunk);
    }
    const auto out = read_chunks(broken);
    if (out.failure) {
      EXPECT_THAT(out.failure->error, StartsWith("The "));
      EXPECT_THAT(out.failure->error, Not(HasSubstr("\xff")));
    }
    provider_answer answer;
    openai.read_whole(broken.front(), answer);
    failure_of(400, broken.front());
  }
}

// -- answers in one piece -------------------------------------------------------

TEST(OpenaiWhole, IsReadLikeAStream) {
  provider_answer answer;
  EXPECT_FALSE(
    openai.read_whole(R"({"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","refusal":null,
    "tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],
    "usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}})",
                      answer));
  EXPECT_EQ(answer.text, "Hi");
  EXPECT_THAT(answer.calls, ElementsAre(call("a", "f", "{}")));
  EXPECT_EQ(answer.finish_reason, "tool_calls");
  EXPECT_EQ(answer.input_tokens, 1);
  EXPECT_EQ(answer.output_tokens, 2);
}

TEST(OpenaiWhole, FailsIfItIsNone) {
  const auto failure = [](std::string_view body) {
    provider_answer answer;
    const auto failed = openai.read_whole(body, answer);
    EXPECT_TRUE(failed);
    EXPECT_EQ(answer.text, "");
    return failed.value_or(provider_failure{});
  };
  EXPECT_EQ(failure("Hello\n<p>").error, "The provider sent an answer that is no JSON: Hello <p>.");
  // atopos31/llmio#42, Mintplex-Labs/anything-llm#2900: a wrong base_url answers with its pages.
  const auto page = failure("<html>\n<title>Sign in</title><p>Hello");
  EXPECT_EQ(page.kind, error_class::permanent);
  EXPECT_THAT(page.error, StartsWith("The provider answered with a web page, 'Sign in', and not with JSON"));
  EXPECT_EQ(failure("").error, "The provider sent an answer that is no JSON.");
  for (const auto* body : {"{}", R"({"choices":[]})", R"({"choices":[{}]})", R"({"choices":"x"})"})
    EXPECT_EQ(failure(body).error, "The provider sent an answer without a message.");
  EXPECT_EQ(failure(R"({"error":{"message":"m","code":401}})").kind, error_class::permanent);
  EXPECT_EQ(failure(R"({"choices":[{"message":{"content":"","refusal":"No."}}]})").kind, error_class::permanent);
}

// -- error statuses -------------------------------------------------------------

TEST(OpenaiFailure, SaysWhatTheProviderSaid) {
  const auto error = [](std::string_view body) { return failure_of(404, body).error; };
  for (const auto* body :
       {R"({"error":{"message":"No such model","type":"invalid_request_error","code":"model_not_found"}})",
        R"({"error":"No such model"})", R"({"message":"No such model."})", R"({"detail":"No such model"})",
        R"([{"error":{"code":404,"message":"No such model","status":"NOT_FOUND"}}])", "No such model\n",
        R"({"error":{"code":"No such model"}})", R"({"detail":[{"msg":"No such model"}]})"})
    EXPECT_EQ(error(body), "The provider answered 404: No such model.") << body;
  EXPECT_EQ(error(R"({"detail":[{"loc":["body","model"],"msg":"Field required"}]})"),
            "The provider answered 404: model: Field required.");
  for (const auto* body : {"", "{}", " \n", R"({"error":{}})", R"({"error":[]})", "[]"})
    EXPECT_EQ(error(body), "The provider answered 404.") << body;
  // earendil-works/pi#6239: of a proxy's page its title is enough.
  EXPECT_EQ(error("<html><head><title>example.com | 524: A timeout occurred</title>" + std::string(1000, 'x')),
            "The provider answered 404: a web page, 'example.com | 524: A timeout occurred'.");
  EXPECT_EQ(error("<!DOCTYPE html>" + std::string(1000, 'x')), "The provider answered 404: a web page.");
  EXPECT_LT(error(std::string(1000, 'x')).size(), 340U);
}

// QwenLM/qwen-code#73 (402), earendil-works/pi#9627 (520), echoVic/orca-agent#68 (522), a proxy's 499.
TEST(OpenaiFailure, IsOfTheClassOfItsStatus) {
  for (const auto status : {408U, 409U, 425U, 499U, 500U, 502U, 503U, 504U, 520U, 522U, 524U, 530U})
    EXPECT_EQ(failure_of(status, "").kind, error_class::transient) << status;
  for (const auto status : {400U, 401U, 402U, 403U, 404U, 413U, 422U})
    EXPECT_EQ(failure_of(status, "").kind, error_class::permanent) << status;
}

// earendil-works/pi#129, #5677, #4943; antirez/ds4#150: many words for a prompt that is too long, under any status.
TEST(OpenaiFailure, KnowsThatAPromptIsTooLong) {
  for (const std::string said :
       {R"({"error":{"message":"too many","code":"context_length_exceeded"}})",
        R"({"error":{"message":"Input length (265330) exceeds model's maximum context length (262144)."}})",
        R"({"error":{"message":"This exceeds the maximum allowed input length"}})",
        R"({"error":{"message":"n_prompt_tokens","type":"exceed_context_size_error"}})",
        R"({"error":{"message":"prompt is too long: 213462 tokens > 200000 maximum"}})"})
    for (const auto status : {400U, 413U, 500U}) {
      EXPECT_EQ(failure_of(status, said).kind, error_class::permanent) << said;
      EXPECT_THAT(failure_of(status, said).error, StartsWith("The conversation is longer")) << said;
    }
  EXPECT_EQ(failure_of(429, R"({"error":{"message":"Too many tokens, please wait before trying again."}})").kind,
            error_class::throttled);
}

// mostlygeek/llama-swap#146: a model takes a minute to load, and no attempt is to be charged for that.
TEST(OpenaiFailure, WaitsForAModelThatIsBeingLoaded) {
  EXPECT_EQ(failure_of(503, R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})").kind,
            error_class::throttled);
  EXPECT_EQ(failure_of(503, R"({"error":"The model is loading, try later"})").kind, error_class::throttled);
  EXPECT_EQ(failure_of(404, R"({"error":"No models loaded. Please load a model."})").kind, error_class::permanent);
}

// huggingface/smolagents#1119, run-llama/llama_index#18971 (Groq): the model's dice and not the request's fault.
TEST(OpenaiFailure, TriesAgainWhereAModelWroteACallBadly) {
  EXPECT_EQ(failure_of(400, R"({"error":{"message":"Failed to call a function.","code":"tool_use_failed"}})").kind,
            error_class::transient);
  EXPECT_EQ(failure_of(400, R"({"error":{"message":"Failed to parse tool call"}})").kind, error_class::transient);
  EXPECT_EQ(read_chunks({R"({"error":{"message":"x","code":"tool_use_failed","type":"invalid_request_error"}})"})
              .failure.value()
              .kind,
            error_class::transient);
  EXPECT_EQ(read_chunks({finish("malformed_function_call")}).closed.value().kind, error_class::transient);
}

// infiniflow/ragflow#17292, ENTERPILOT/GoModel#640 (MiniMax), BerriAI/litellm#27823 (a status as text).
TEST(OpenaiFailure, ReadsErrorsUnderAGoodStatus) {
  const auto kind_of = [](const std::string& body) {
    provider_answer answer;
    const auto whole = openai.read_whole(body, answer);
    EXPECT_TRUE(whole) << body;
    EXPECT_EQ(read_chunks({body}).failure.value_or(provider_failure{error_class::cancelled, "", {}}).kind,
              whole.value_or(provider_failure{}).kind)
      << body;
    return whole.value_or(provider_failure{}).kind;
  };
  EXPECT_EQ(kind_of(R"({"base_resp":{"status_code":1002,"status_msg":"rate limit"},"choices":null})"),
            error_class::throttled);
  EXPECT_EQ(kind_of(R"({"base_resp":{"status_code":1008,"status_msg":"balance"},"choices":null})"),
            error_class::permanent);
  EXPECT_EQ(kind_of(R"({"base_resp":{"status_code":1000,"status_msg":"unknown"}})"), error_class::transient);
  EXPECT_EQ(kind_of(R"({"error":{"message":"m","code":"429","type":"None"}})"), error_class::throttled);
  EXPECT_EQ(kind_of(R"({"error":{"message":"m","code":"400"}})"), error_class::permanent);
  provider_answer fine;
  EXPECT_FALSE(openai.read_whole(
    R"({"base_resp":{"status_code":0,"status_msg":""},"choices":[{"message":{"content":"Hi"}}]})", fine));
}

TEST(OpenaiFailure, HoldsNoKey) {
  const auto error = [](std::string_view text) { return failure_of(401, text).error; };
  EXPECT_EQ(error(R"({"error":{"message":"Incorrect API key provided: sk-proj-ab**_yz12. See https://x/keys."}})"),
            "The provider answered 401: Incorrect API key provided: sk-\xe2\x80\xa6. See https://x/keys.");
  EXPECT_EQ(error("bad (Authorization: bearer abc123.DEF/456=)"),
            "The provider answered 401: bad (Authorization: bearer \xe2\x80\xa6).");
  EXPECT_EQ(error("Bearer authentication is needed for this task-specific-model"),
            "The provider answered 401: Bearer authentication is needed for this task-specific-model.");
  for (const auto* key : {"sk-0123456789", "gsk_0123456789", "AIza0123456789", "SK-0123456789"})
    EXPECT_THAT(error("Key='"s + key + "' is wrong"), Not(HasSubstr("0123456789"))) << key;
}

TEST(OpenaiFailure, HasTheClassOfItsStatus) {
  EXPECT_EQ(failure_of(401, "").kind, error_class::permanent);
  EXPECT_EQ(failure_of(408, "").kind, error_class::transient);
  EXPECT_EQ(failure_of(429, "").kind, error_class::throttled);
  EXPECT_EQ(failure_of(500, "").kind, error_class::transient);
}

TEST(OpenaiFailure, IsThrottledIfAServerErrorSaysHowLong) {
  for (const unsigned status : {429U, 500U, 503U, 529U}) {
    const auto failure = failure_of(status, "", {{"retry-after", "3"}});
    EXPECT_EQ(failure.kind, error_class::throttled) << status;
    EXPECT_EQ(failure.retry_after, 3s) << status;
  }
  EXPECT_EQ(failure_of(500, "", {{"retry-after", "soon"}}).kind, error_class::transient);
  for (const unsigned status : {400U, 401U, 404U, 408U}) {
    const auto failure = failure_of(status, "", {{"retry-after", "3"}});
    EXPECT_EQ(failure.kind, failure_of(status, "").kind) << status;
    EXPECT_FALSE(failure.retry_after) << status;
  }
}

TEST(OpenaiFailure, IsPermanentIfTheQuotaIsUsedUp) {
  for (const auto* body : {R"({"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}})",
                           R"({"error":{"message":"m","code":"billing_hard_limit_reached"}})"}) {
    const auto failure = failure_of(429, body, {{"retry-after", "3"}});
    EXPECT_EQ(failure.kind, error_class::permanent);
    EXPECT_FALSE(failure.retry_after);
  }
}

TEST(OpenaiFailure, SaysThatTheConversationIsTooLong) {
  const auto failure = failure_of(400, R"({"error":{"message":"Too long.","code":"context_length_exceeded"}})");
  EXPECT_EQ(failure.kind, error_class::permanent);
  EXPECT_EQ(failure.error, "The conversation is longer than the model can read; lower the bot's context_tokens. "
                           "The provider answered 400: Too long.");
}

} // namespace troupe
