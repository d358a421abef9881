#include "actors/models/builtin_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <variant>
#include <vector>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

builtin_script parsed(const std::string& input) {
  auto result = parse_builtin_script(input);
  if (const auto* error = std::get_if<script_error>(&result)) {
    ADD_FAILURE() << error->message;
    return {};
  }
  return std::get<builtin_script>(std::move(result));
}

/// The error's sentence; empty if there is none.
std::string refusal(const std::string& input) {
  const auto result = parse_builtin_script(input);
  const auto* error = std::get_if<script_error>(&result);
  return error == nullptr ? "" : error->message;
}

std::string joined(const std::vector<std::string>& pieces) {
  std::string all;
  for (const auto& piece : pieces)
    all += piece;
  return all;
}

} // namespace

// -- directives ---------------------------------------------------------------

TEST(BuiltinScript, WithoutDirectivesIsTheInputAsItIs) {
  for (const std::string input :
       {"", "hello", "  two  spaces \n", "@", "@delay", "delay=1", "mail@fail=1:crash", "@ x"}) {
    const auto script = parsed(input);
    EXPECT_EQ(script.text, input);
    EXPECT_EQ(script.delay, 0ms);
    EXPECT_EQ(script.pace, 0ms);
    EXPECT_EQ(script.words, std::nullopt);
    EXPECT_FALSE(script.fail);
    EXPECT_TRUE(script.tools.empty());
  }
}

TEST(BuiltinScript, ReadsEveryDirective) {
  const auto script = parsed(R"(@delay=250 @pace=20 @words=7 @fail=2:throttled @tool=now:{} say  it )");
  EXPECT_EQ(script.delay, 250ms);
  EXPECT_EQ(script.pace, 20ms);
  EXPECT_EQ(script.words, 7);
  ASSERT_TRUE(script.fail);
  EXPECT_EQ(script.fail->attempts, 2);
  EXPECT_EQ(script.fail->kind, scripted_failure::throttled);
  EXPECT_THAT(script.tools, ElementsAre(tool_call{"call_1", "now", "{}"}));
  EXPECT_EQ(script.text, "say  it ");
}

TEST(BuiltinScript, ReadsDirectivesInAnyOrderBetweenAnyWhitespace) {
  const auto script = parsed("\n\t @words=7\r\n@delay=250\t@words=8 text");
  EXPECT_EQ(script.delay, 250ms);
  EXPECT_EQ(script.words, 8);
  EXPECT_EQ(script.text, "text");
  EXPECT_EQ(parsed("@delay=1").text, "");
}

TEST(BuiltinScript, KeepsEachToolCallInOrderWithItsOwnId) {
  const auto script = parsed(R"(@tool=calculate:{"expression":"1+2"} @delay=1 @tool=now:{} @tool=now:{} x)");
  EXPECT_THAT(script.tools, ElementsAre(tool_call{"call_1", "calculate", R"({"expression":"1+2"})"},
                                        tool_call{"call_2", "now", "{}"}, tool_call{"call_3", "now", "{}"}));
}

TEST(BuiltinScript, ReadsEveryKindOfFailure) {
  EXPECT_EQ(parsed("@fail=1:transient").fail->kind, scripted_failure::transient);
  EXPECT_EQ(parsed("@fail=1:throttled").fail->kind, scripted_failure::throttled);
  EXPECT_EQ(parsed("@fail=1:permanent").fail->kind, scripted_failure::permanent);
  EXPECT_EQ(parsed("@fail=1:crash").fail->kind, scripted_failure::crash);
}

TEST(BuiltinScript, EndsTheDirectivesAtAnUnknownWord) {
  const auto script = parsed("@delay=5 @shout=1 @delay=oops");
  EXPECT_EQ(script.delay, 5ms);
  EXPECT_EQ(script.text, "@shout=1 @delay=oops");
  EXPECT_EQ(parsed("hello @fail=x").text, "hello @fail=x");
}

TEST(BuiltinScript, TakesTheBoundsThemselves) {
  EXPECT_EQ(parsed("@delay=86400000").delay, 24h);
  EXPECT_EQ(parsed("@pace=60000").pace, 60s);
  EXPECT_EQ(parsed("@words=100000").words, 100000);
  EXPECT_EQ(parsed("@words=0").words, 0);
  EXPECT_EQ(parsed("@fail=0:crash").fail->attempts, 0);
  EXPECT_EQ(parsed("@fail=1000000:crash").fail->attempts, 1000000);
}

TEST(BuiltinScript, RefusesAMalformedDirectiveByName) {
  for (const std::string wrong : {"@delay=", "@delay=x", "@delay=-1", "@delay=-0", "@delay=+1", "@delay=1.5",
                                  "@delay=1s", "@delay=86400001", "@delay=99999999999999999999"})
    EXPECT_THAT(refusal(wrong), AllOf(HasSubstr("@delay"), HasSubstr("86400000"))) << wrong;
  for (const std::string wrong : {"@pace=60001", "@pace=", "@pace=ten"})
    EXPECT_THAT(refusal(wrong), AllOf(HasSubstr("@pace"), HasSubstr("60000"))) << wrong;
  for (const std::string wrong : {"@words=100001", "@words=-1", "@words="})
    EXPECT_THAT(refusal(wrong), AllOf(HasSubstr("@words"), HasSubstr("100000"))) << wrong;
  for (const std::string wrong : {"@fail=", "@fail=1", "@fail=1:", "@fail=:crash", "@fail=1:boom", "@fail=x:crash",
                                  "@fail=1:crash:", "@fail=1000001:crash", "@fail=-1:crash"})
    EXPECT_THAT(refusal(wrong), AllOf(HasSubstr("@fail"), HasSubstr("transient, throttled, permanent or crash")))
      << wrong;
  for (const std::string wrong :
       {"@tool=", "@tool=now", "@tool=now:", "@tool=:{}", "@tool=now:[]", "@tool=now:1", "@tool=now:{", "@tool=now:{}}",
        "@tool=now:{'a':1}", "@tool=now:{\"a\": 1}", "@tool=n/w:{}", "@tool=now:{\"a\":\"\xff\"}"})
    EXPECT_THAT(refusal(wrong), AllOf(HasSubstr("@tool"), HasSubstr("JSON object"))) << wrong;
  EXPECT_NE(refusal("@tool=" + std::string(65, 'n') + ":{}"), "");
}

TEST(BuiltinScript, RefusesAWrongDirectiveBehindRightOnes) {
  EXPECT_THAT(refusal("@delay=1 @words=2 @pace=x hello"), HasSubstr("@pace"));
}

TEST(BuiltinScript, BoundsTheNumberOfToolCalls) {
  std::string input;
  for (int i = 0; i < 64; ++i)
    input += "@tool=now:{} ";
  EXPECT_EQ(parsed(input).tools.size(), 64u);
  EXPECT_THAT(refusal(input + "@tool=now:{}"), HasSubstr("64 times"));
}

TEST(BuiltinScript, SurvivesArgumentsNestedTooDeeply) {
  constexpr std::size_t deep = 200'000;
  EXPECT_NE(refusal("@tool=now:{\"a\":" + std::string(deep, '[') + std::string(deep, ']') + "}"), "");
  EXPECT_NE(refusal("@tool=now:" + std::string(deep, '{')), "");
  std::string objects = "@tool=now:";
  for (std::size_t i = 0; i < deep; ++i)
    objects += "{\"a\":";
  EXPECT_NE(refusal(objects), "");
  // Brackets inside of a text nest nothing.
  EXPECT_EQ(refusal("@tool=now:{\"a\":\"\\\"" + std::string(deep, '[') + "\"}"), "");
}

TEST(BuiltinScript, SurvivesManyDirectivesAndAnyBytes) {
  std::string input;
  for (int i = 0; i < 100'000; ++i)
    input += "@delay=1 ";
  EXPECT_EQ(parsed(input + "x").text, "x");
  std::mt19937 engine(3);
  const auto alphabet = "@delaypcwortsfin=:{}\"1290 \n\0\xff\xc3"s;
  for (int round = 0; round < 20000; ++round) {
    std::string random = "@tool=";
    for (auto n = engine() % 24; n > 0; --n)
      random += alphabet[engine() % alphabet.size()];
    const auto result = parse_builtin_script(random);
    if (const auto* script = std::get_if<builtin_script>(&result))
      EXPECT_TRUE(random.ends_with(script->text));
    else
      EXPECT_FALSE(std::get<script_error>(result).message.empty());
  }
}

// -- answers ------------------------------------------------------------------

TEST(BuiltinAnswer, EchoesTheText) {
  EXPECT_EQ(builtin_answer(parsed("@delay=1 hello  there")), "Echo: hello  there");
  EXPECT_EQ(builtin_answer(parsed("")), "Echo: ");
}

TEST(BuiltinAnswer, HasALinePerToolResult) {
  EXPECT_EQ(builtin_answer(parsed("hi"), {{"now", R"({"now":"2026-01-02T03:04:05.000000Z"})"},
                                          {"calculate", R"({"result":2.25})"},
                                          {"calculate", R"({"error":"division by zero"})"},
                                          {"other", R"({"a":1,"b":2})"},
                                          {"odd", "not json"}}),
            "Echo: hi\nnow: 2026-01-02T03:04:05.000000Z\ncalculate: 2.25\ncalculate: error: division by zero\n"
            "other: {\"a\":1,\"b\":2}\nodd: not json");
}

TEST(BuiltinAnswer, HasExactlyAsManyWordsAsAskedFor) {
  for (const int n : {0, 1, 2, 16, 17, 1000, 100'000}) {
    const auto script = parsed("@words=" + std::to_string(n) + " some text");
    const auto answer = builtin_answer(script);
    EXPECT_EQ(count_tokens(answer), n);
    EXPECT_EQ(words_of(answer).size(), static_cast<std::size_t>(n));
    EXPECT_EQ(answer, builtin_answer(script));
  }
}

TEST(BuiltinAnswer, StaysSmallHoweverLongTheInputsWordsAre) {
  EXPECT_LT(builtin_answer(parsed("@words=100000 " + std::string(1'000'000, 'x'))).size(), 1'000'000u);
}

TEST(WordsOf, PutsTheWhitespaceBeforeEachWord) {
  EXPECT_THAT(words_of("Echo: one  two\nthree"), ElementsAre("Echo:", " one", "  two", "\nthree"));
  EXPECT_THAT(words_of(" a b \n"), ElementsAre(" a", " b \n"));
  EXPECT_THAT(words_of(" \n "), ElementsAre(" \n "));
  EXPECT_THAT(words_of(""), ElementsAre());
}

TEST(WordsOf, AreInARowTheAnswer) {
  std::mt19937 engine(4);
  const std::string alphabet = "ab \n\t\r\xc3\xa9";
  for (int round = 0; round < 5000; ++round) {
    std::string answer;
    for (auto n = engine() % 20; n > 0; --n)
      answer += alphabet[engine() % alphabet.size()];
    const auto pieces = words_of(answer);
    ASSERT_EQ(joined(pieces), answer);
    ASSERT_THAT(pieces, testing::Each(testing::Not("")));
    ASSERT_EQ(static_cast<std::int64_t>(pieces.size()), count_tokens(answer)) << answer;
  }
}

TEST(CountTokens, CountsWordsAndIsAtLeastOne) {
  EXPECT_EQ(count_tokens(""), 0);
  EXPECT_EQ(count_tokens("  "), 1);
  EXPECT_EQ(count_tokens("one"), 1);
  EXPECT_EQ(count_tokens(" one\n two "), 2);
}

} // namespace troupe
