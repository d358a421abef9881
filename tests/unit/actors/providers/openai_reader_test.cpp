#include "tests/unit/actors/providers/openai_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace chat_completions;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

} // namespace

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
                             "e\xf0\x9f\x98\x80"
                             "f\\ud83d");
}

// @copilotkit/aimock 1.43.0 cuts by UTF-16 units.
TEST(OpenaiReader, JoinsACharacterThatWasCutInTwo) {
  const auto text_of = [](const std::vector<std::string>& chunks) { return read_chunks(chunks).answer.text; };
  EXPECT_EQ(text_of({delta(R"("content":"a\ud83d")"), delta(R"("content":"\udc3bb")")}), "a\xf0\x9f\x90\xbb"
                                                                                         "b");
  EXPECT_EQ(
    text_of({delta(R"("content":"\ud83d")"), delta(R"("content":"\udc3b\ud83d")"), delta(R"("content":"\udc3b")")}),
    "\xf0\x9f\x90\xbb\xf0\x9f\x90\xbb");
  // Halves that belong to nothing.
  EXPECT_EQ(text_of({delta(R"("content":"a\ud83d")"), delta(R"("content":"b")"), delta(R"("content":"\udc3b")")}),
            "ab\xef\xbf\xbd");
  EXPECT_EQ(text_of({delta(R"("content":"\ud83dx\udc3b")")}), "\xef\xbf\xbdx\xef\xbf\xbd");
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
  // @portkey-ai/gateway 1.15.2 in front of an Anthropic upstream.
  EXPECT_EQ(read_chunks({half, finish("overloaded_error")}).closed.value().kind, error_class::transient);
  EXPECT_EQ(read_chunks({half, finish("rate_limit_error")}).closed.value().kind, error_class::throttled);
  EXPECT_EQ(read_chunks({half, finish("invalid_request_error")}).closed.value().kind, error_class::permanent);
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

} // namespace troupe
