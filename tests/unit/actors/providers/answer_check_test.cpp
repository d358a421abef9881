#include "actors/providers/answer_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;

std::vector<tool_call> calls(std::initializer_list<std::string> arguments) {
  std::vector<tool_call> made;
  for (const auto& one : arguments)
    made.push_back({"", "wipe", one});
  return made;
}

// earendil-works/pi#6285, 2389-research/tracker#507, NousResearch/hermes-agent#6847.
TEST(RefusedCalls, AreThoseThatTheLimitCutOff) {
  for (const std::string cut : {"", "{", R"({"path":"/tmp)", R"({"a":1)"}) {
    auto one = calls({cut});
    EXPECT_THAT(refused_calls(one, finish_reason::length), ElementsAre(Key(0U))) << cut;
    auto second = calls({R"({"path":"/a"})", cut});
    EXPECT_THAT(refused_calls(second, finish_reason::length), ElementsAre(Key(1U))) << cut;
  }
  auto whole = calls({"{}", R"({"a":1})"});
  EXPECT_THAT(refused_calls(whole, finish_reason::length), IsEmpty());
  auto filtered = calls({""});
  EXPECT_THAT(refused_calls(filtered, finish_reason::content_filter)[0], HasSubstr("cut off"));
}

TEST(RefusedCalls, AreNoneThatHaveNoArgumentsAtAll) {
  auto made = calls({"", " \n"});
  EXPECT_THAT(refused_calls(made, finish_reason::stop), IsEmpty());
  EXPECT_EQ(made[0].arguments, "{}");
  EXPECT_EQ(made[1].arguments, "{}");
}

// mastra-ai/mastra#13632, sqlrooms/sqlrooms#678.
TEST(RefusedCalls, AreThoseThatAreNoCalls) {
  auto made = calls({R"({"city":"Ul)", "[1]", "7", R"("text")", R"({"city":"Ulm"})"});
  made.push_back({"", "", "{}"});
  const auto refused = refused_calls(made, finish_reason::stop);
  EXPECT_THAT(refused, ElementsAre(Key(0U), Key(1U), Key(2U), Key(3U), Key(5U)));
  EXPECT_THAT(refused.at(0), HasSubstr(R"({"city":"Ul)"));
  EXPECT_THAT(refused.at(5), HasSubstr("names no tool"));
}

TEST(FinishOf, KnowsTheWordsOfProviders) {
  for (const auto* word : {"length", "max_tokens", "MAX_TOKENS", "model_context_window_exceeded"})
    EXPECT_EQ(finish_of(word), finish_reason::length) << word;
  for (const auto* word : {"content_filter", "SAFETY", "sensitive"})
    EXPECT_EQ(finish_of(word), finish_reason::content_filter) << word;
  for (const auto* word : {"stop", "end_turn", "tool_calls", "eos", "", "whatever"})
    EXPECT_EQ(finish_of(word), finish_reason::stop) << word;
}

} // namespace
} // namespace troupe
