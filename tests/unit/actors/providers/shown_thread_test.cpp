#include "actors/providers/shown_thread.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace troupe {
namespace {

using testing::ElementsAre;
using testing::MatchesRegex;

message_record said(message_role role, std::string content, std::uint8_t of_task = 1) {
  message_record message;
  message.task_id.bytes[15] = of_task;
  message.role = role;
  message.content = std::move(content);
  return message;
}

message_record user(std::string content, std::uint8_t of_task = 1) {
  return said(message_role::user, std::move(content), of_task);
}

message_record assistant(std::string content, std::uint8_t of_task = 1) {
  return said(message_role::assistant, std::move(content), of_task);
}

tool_call called(std::string call_id, std::string tool = "clock", std::string arguments = "{}") {
  return {std::move(call_id), std::move(tool), std::move(arguments)};
}

message_record calling(std::vector<tool_call> calls, std::uint8_t of_task = 1) {
  auto message = assistant("", of_task);
  message.tool_calls = std::move(calls);
  return message;
}

message_record result(std::string call_id, std::string content, std::uint8_t of_task = 1) {
  auto message = said(message_role::tool, std::move(content), of_task);
  message.call_id = std::move(call_id);
  return message;
}

/// `u:text` or `a:text`, with `(name=result)` for each call.
std::vector<std::string> sketch(const std::vector<message_record>& history) {
  std::vector<std::string> lines;
  for (const auto& message : show_thread(history, "me")) {
    auto line = (message.from_user ? "u:" : "a:") + message.text;
    for (const auto& call : message.calls)
      line += "(" + call.name + "=" + std::string{call.result} + ")";
    lines.push_back(line);
  }
  return lines;
}

// -- roles ----------------------------------------------------------------------

// A turn that failed, was cancelled before any text, or was answered with nothing (mistralai/mistral-vibe#255,
// vllm-project/vllm#6862, charmbracelet/crush#279): the templates of Mistral and Gemma refuse two of one role.
TEST(ShownThread, MakesOneMessageOfNeighboursOfOneRole) {
  EXPECT_THAT(sketch({user("one", 1), user("two", 2), user("three", 3)}), ElementsAre("u:one\n\ntwo\n\nthree"));
  EXPECT_THAT(sketch({user("one", 1), assistant("", 1), user("two", 2)}), ElementsAre("u:one\n\ntwo"));
  EXPECT_THAT(sketch({user("one"), assistant("a"), assistant("b", 2), user("two")}),
              ElementsAre("u:one", "a:a\n\nb", "u:two"));
}

// The later answer was made where the earlier did not stand: behind it a Claude that binds its thinking would refuse
// its own (pydantic/pydantic-ai#7984), and DeepSeek would lack what it thought before its calls
// (earendil-works/pi#3636).
TEST(ShownThread, HasTheLastAnswerOfATurnThatWasTriedAgain) {
  auto half = assistant("half");
  half.interrupted = true;
  auto mine = calling({called("a")});
  mine.origin = "me";
  mine.replay = "[1]";
  EXPECT_THAT(sketch({user("go"), half, mine, result("a", "1"), half, assistant("whole"), user("two", 2)}),
              ElementsAre("u:go", "a:(clock=1)", "a:whole", "u:two"));
  const std::vector<message_record> history{user("go"), half, half, mine, result("a", "1")};
  EXPECT_TRUE(show_thread(history, "me")[1].own);
  EXPECT_EQ(show_thread(history, "me")[1].replay, "[1]");
}

TEST(ShownThread, BeginsAndEndsWithTheUser) {
  EXPECT_THAT(sketch({assistant("before"), user("hi"), assistant("part")}), ElementsAre("u:hi"));
  EXPECT_THAT(sketch({calling({called("a")}), result("a", "1"), user("hi")}), ElementsAre("u:hi"));
  EXPECT_THAT(sketch({}), ElementsAre("u:(The message is empty.)"));
  EXPECT_THAT(sketch({assistant("alone")}), ElementsAre("u:(The message is empty.)"));
}

// Mistral: "Unexpected role 'user' after role 'tool'" (onyx-dot-app/onyx#6458, BerriAI/litellm#17761).
TEST(ShownThread, PutsTheAssistantBehindResultsOfATurnThatEndedThere) {
  EXPECT_THAT(sketch({user("go"), calling({called("a")}), result("a", "12"), user("and?", 2)}),
              ElementsAre("u:go", "a:(clock=12)", "a:(This turn ended before it was answered.)", "u:and?"));
  EXPECT_THAT(sketch({user("go"), calling({called("a")}), result("a", "12")}), ElementsAre("u:go", "a:(clock=12)"));
}

TEST(ShownThread, HasNoBlankMessages) {
  EXPECT_THAT(sketch({user(" \n"), assistant(" "), user("\t", 2)}), ElementsAre("u:(The message is empty.)"));
  EXPECT_THAT(sketch({user(" "), user("hi", 2), user("", 3)}), ElementsAre("u:hi"));
}

// -- calls ----------------------------------------------------------------------

// Mistral takes ids of nine letters or digits (vllm-project/vllm#9019); two calls must not share one
// (BerriAI/litellm#23510).
TEST(ShownThread, GivesEachCallAnIdOfNineThatIsItsOwn) {
  std::vector<message_record> history;
  for (std::uint8_t task = 1; task <= 60; ++task) {
    history.push_back(user("go", task));
    history.push_back(calling({called("call_1"), called("call_2"), called("call_2")}, task));
    history.push_back(result("call_1", "1", task));
    history.push_back(assistant("done", task));
  }
  history.push_back(user("more", 61));
  std::set<std::string> ids;
  for (const auto& message : show_thread(history, "me"))
    for (const auto& call : message.calls) {
      EXPECT_THAT(call.id, MatchesRegex("[a-zA-Z0-9]{9}"));
      EXPECT_TRUE(ids.insert(call.id).second) << call.id;
    }
  EXPECT_EQ(ids.size(), 180U);
}

TEST(ShownThread, NamesACallAlikeInEachRequest) {
  const std::vector<message_record> history{user("go"), calling({called("call_1")}), result("call_1", "1")};
  auto longer = history;
  longer.push_back(assistant("done"));
  longer.push_back(user("more", 2));
  EXPECT_EQ(show_thread(history, "me")[1].calls[0].id, show_thread(longer, "you")[1].calls[0].id);
}

// Kimi reads the tool's name from ids of its own form, LiteLLM hides Gemini's signatures in them
// (BerriAI/litellm#16895); Mistral's own are kept as well.
TEST(ShownThread, KeepsIdsThatMeanSomethingToTheirModel) {
  for (const std::string id : {"functions.clock:0", "call_7__thought__CiQBabc", "D681PevKs"}) {
    auto message = calling({called("call_1")});
    message.tool_calls[0].provider_id = id;
    message.origin = "me";
    const std::vector<message_record> history{user("go"), message, result("call_1", "1")};
    EXPECT_EQ(show_thread(history, "me")[1].calls[0].id, id);
    EXPECT_THAT(show_thread(history, "you")[1].calls[0].id, MatchesRegex("[a-zA-Z0-9]{9}"));
  }
}

TEST(ShownThread, KeepsNoIdTwice) {
  auto message = calling({called("call_1"), called("call_2")});
  message.tool_calls[0].provider_id = message.tool_calls[1].provider_id = "functions.clock:0";
  message.origin = "me";
  const std::vector<message_record> history{user("go"), message};
  const auto shown = show_thread(history, "me");
  EXPECT_EQ(shown[1].calls[0].id, "functions.clock:0");
  EXPECT_NE(shown[1].calls[1].id, "functions.clock:0");
}

TEST(ShownThread, AnswersEachCallOnce) {
  EXPECT_THAT(sketch({user("go"), calling({called("a"), called("b"), called("a")}), result("b", "2"), result("a", "1"),
                      result("a", "3"), result("a", "4"), result("c", "5"), result("b", "6", 2)}),
              ElementsAre("u:go", "a:(clock=1)(clock=2)(clock=3)"));
  EXPECT_THAT(sketch({user("go"), calling({called("a")}), user("and?", 2)})[1], testing::HasSubstr("was not finished"));
}

// A model's own mistakes must not spoil each later request (mastra-ai/mastra#13632, sqlrooms/sqlrooms#678).
TEST(ShownThread, ShowsValidNamesAndArguments) {
  const std::vector<message_record> history{
    user("go"), calling({called("a", "", R"({"city":"Ul)"), called("b", "get.weather", "[1]"),
                         called("c", "get/weather", " {\"n\":10000000000000000000001} "),
                         called("d", std::string(100, 'x'), "7"), called("e", "f", std::string(100'000, '['))})};
  const auto shown = show_thread(history, "me");
  const auto& calls = shown[1].calls;
  EXPECT_EQ(calls[0].name, "unnamed");
  EXPECT_EQ(calls[0].arguments, "{}");
  EXPECT_EQ(calls[1].arguments, "{}");
  EXPECT_EQ(calls[2].arguments, " {\"n\":10000000000000000000001} ");
  EXPECT_EQ(calls[3].arguments, "{}");
  EXPECT_EQ(calls[4].arguments, "{}");
  EXPECT_NE(calls[1].name, calls[2].name);
  for (const auto& call : calls)
    EXPECT_THAT(call.name, MatchesRegex("[a-zA-Z0-9_-]{1,64}"));
}

// Gemini: "Must start with a letter or an underscore" (google-gemini/gemini-cli#2966,
// SuperClaude-Org/SuperGemini_Framework#12: `21st_magic_component_builder`).
TEST(ShownName, BeginsWithALetterOrAnUnderscore) {
  EXPECT_EQ(shown_name("_clock"), "_clock");
  for (const std::string name : {"21st_magic", "-clock", "9", "21st.magic"})
    EXPECT_THAT(shown_name(name), MatchesRegex("_[a-zA-Z0-9_-]{1,63}")) << name;
  EXPECT_LE(shown_name(std::string(64, '1')).size(), 64U);
  EXPECT_NE(shown_name("1"), shown_name("_1"));
}

TEST(ShownName, TellsNamesApartThatComeOutTheSame) {
  EXPECT_EQ(shown_name("get_weather"), "get_weather");
  EXPECT_NE(shown_name("\xe5\xa4\xa9\xe6\xb0\x94"), shown_name("\xe6\x97\xb6\xe9\x97\xb4"));
  EXPECT_NE(shown_name(std::string(64, 'x') + "1"), shown_name(std::string(64, 'x') + "2"));
}

// -- what belongs to whom -------------------------------------------------------

// Signatures of another model are refused for ever (NousResearch/hermes-agent#24401, vybestack/llxprt-code#2335).
TEST(ShownThread, ReplaysToTheModelThatMadeItAlone) {
  auto mine = calling({called("a")});
  mine.origin = "me";
  mine.replay = "[1]";
  auto theirs = mine;
  theirs.origin = "you";
  auto old = mine;
  old.origin.clear();
  auto cut = assistant("half");
  cut.origin = "me";
  cut.replay = "[1]";
  cut.interrupted = true;
  const std::vector<message_record> history{user("1"), mine, theirs, old, user("2", 2), cut, user("3", 3)};
  const auto shown = show_thread(history, "me");
  EXPECT_EQ(shown[1].replay, "[1]");
  EXPECT_TRUE(shown[1].own);
  EXPECT_EQ(shown[2].replay, "");
  EXPECT_FALSE(shown[2].own);
  EXPECT_FALSE(shown[3].own);
  EXPECT_EQ(shown[6].text, "half");
  EXPECT_FALSE(shown[6].own);
}

TEST(ShownThread, KnowsWhichTurnIsUnderWay) {
  const std::vector<message_record> history{user("1"),    calling({called("a")}),    result("a", "1"),   assistant("x"),
                                            user("2", 2), calling({called("b")}, 2), result("b", "1", 2)};
  const auto shown = show_thread(history, "me");
  EXPECT_FALSE(shown[1].is_current);
  EXPECT_TRUE(shown.back().is_current);
}

TEST(ShownResult, IsNeverEmpty) {
  EXPECT_EQ(shown_result(R"("noon \u2600")"), "noon ☀");
  EXPECT_EQ(shown_result(R"({"a":1})"), R"({"a":1})");
  EXPECT_EQ(shown_result(R"("half)"), R"("half)");
  EXPECT_EQ(shown_result(R"("")"), "(The result is empty.)");
  EXPECT_EQ(shown_result(""), "(The result is empty.)");
}

} // namespace
} // namespace troupe
