#include "actors/models/context_window.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace troupe {

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto unlimited = std::numeric_limits<std::int64_t>::max();

uuid task(std::uint8_t number) {
  uuid id;
  id.bytes[15] = number;
  return id;
}

message_record said(message_role role, std::uint8_t of_task, std::string content) {
  message_record message;
  message.task_id = task(of_task);
  message.role = role;
  message.content = std::move(content);
  return message;
}

message_record user(std::uint8_t of_task, std::string content) {
  return said(message_role::user, of_task, std::move(content));
}

message_record assistant(std::uint8_t of_task, std::string content) {
  return said(message_role::assistant, of_task, std::move(content));
}

message_record intent(std::uint8_t of_task, const std::vector<std::string>& call_ids) {
  auto message = assistant(of_task, "");
  for (const auto& id : call_ids)
    message.tool_calls.push_back({id, "tool_" + id, "{}"});
  return message;
}

message_record result(std::uint8_t of_task, std::string call_id, std::string content) {
  auto message = said(message_role::tool, of_task, std::move(content));
  message.call_id = std::move(call_id);
  return message;
}

/// Each message as `role:content`, results as `tool:call:content`, intents as `calls:a,b`.
std::vector<std::string> shown(const std::vector<message_record>& window) {
  std::vector<std::string> lines;
  for (const auto& message : window) {
    auto line = std::string{to_string(message.role)} + ":";
    if (message.role == message_role::tool)
      line += message.call_id + ":";
    line += message.content;
    for (const auto& call : message.tool_calls)
      line += "[" + call.call_id + "]";
    lines.push_back(std::move(line));
  }
  return lines;
}

std::vector<std::string> repaired(const std::vector<message_record>& history) {
  return shown(fit_window(history, "", 0, unlimited));
}

} // namespace

// -- what is shown ------------------------------------------------------------

TEST(ContextWindow, OfNothingIsEmpty) {
  EXPECT_THAT(fit_window({}, "Be kind.", 100, 0), IsEmpty());
}

TEST(ContextWindow, LeavesAWellFormedHistoryAsItIs) {
  EXPECT_THAT(repaired({user(1, "hi"), assistant(1, "hello"), user(2, "time?"), intent(2, {"a"}), result(2, "a", "12"),
                        assistant(2, "noon")}),
              ElementsAre("user:hi", "assistant:hello", "user:time?", "assistant:[a]", "tool:a:12", "assistant:noon"));
}

TEST(ContextWindow, PutsResultsBehindTheirIntentInTheOrderOfItsCalls) {
  EXPECT_THAT(repaired({user(1, "go"), intent(1, {"a", "b"}), assistant(1, "wait"), result(1, "b", "2"),
                        result(1, "a", "1"), assistant(1, "done")}),
              ElementsAre("user:go", "assistant:[a][b]", "tool:a:1", "tool:b:2", "assistant:wait", "assistant:done"));
}

TEST(ContextWindow, FindsResultsThatAnotherTasksMessagesStandBefore) {
  EXPECT_THAT(repaired({user(1, "one"), intent(1, {"a"}), user(2, "two"), result(2, "a", "not mine"),
                        result(1, "a", "mine"), assistant(2, "done")}),
              ElementsAre("user:one", "assistant:[a]", "tool:a:mine", "user:two", "assistant:done"));
}

TEST(ContextWindow, GivesACallWithoutAResultOneThatSaysSo) {
  const std::vector history{user(1, "go"), intent(1, {"a", "b"}), result(1, "b", "2"), user(2, "again")};
  const auto window = fit_window(history, "", 0, unlimited);
  ASSERT_EQ(window.size(), 5U);
  EXPECT_EQ(window[2].role, message_role::tool);
  EXPECT_EQ(window[2].task_id, task(1));
  EXPECT_EQ(window[2].call_id, "a");
  EXPECT_EQ(window[2].tool, "tool_a");
  EXPECT_EQ(window[2].content, R"({"error":"The call was not finished: its task ended before a result was known."})");
  EXPECT_EQ(window[3].content, "2");
  EXPECT_EQ(window[4].content, "again");
}

TEST(ContextWindow, CountsTheFirstOfSeveralResults) {
  EXPECT_THAT(repaired({user(1, "go"), intent(1, {"a"}), result(1, "a", "first"), result(1, "a", "second")}),
              ElementsAre("user:go", "assistant:[a]", "tool:a:first"));
}

TEST(ContextWindow, LeavesOutResultsWithoutAnIntentBeforeThem) {
  EXPECT_THAT(repaired({user(1, "go"), result(1, "a", "early"), intent(1, {"a"}), result(1, "a", "late"),
                        result(1, "x", "nobody's")}),
              ElementsAre("user:go", "assistant:[a]", "tool:a:late"));
}

TEST(ContextWindow, GivesAResultToTheLatestIntentOfItsCallId) {
  EXPECT_THAT(
    repaired({user(1, "go"), intent(1, {"a"}), intent(1, {"a"}), result(1, "a", "of the second")}),
    ElementsAre("user:go", "assistant:[a]", HasSubstr("not finished"), "assistant:[a]", "tool:a:of the second"));
}

TEST(ContextWindow, LeavesOutAssistantMessagesWithNeitherTextNorCalls) {
  EXPECT_THAT(repaired({user(1, "hi"), assistant(1, ""), assistant(1, "part of an ans")}),
              ElementsAre("user:hi", "assistant:part of an ans"));
}

// -- what fits ----------------------------------------------------------------

TEST(ContextWindow, EstimatesFourBytesATokenAndFourForEachMessageAndCall) {
  EXPECT_EQ(estimate_tokens(user(1, "")), 4);
  EXPECT_EQ(estimate_tokens(user(1, "1234")), 5);
  EXPECT_EQ(estimate_tokens(user(1, "12345")), 6);
  auto calling = assistant(1, "1234");
  calling.tool_calls.push_back({"some id", "clock", R"({"a":1})"});
  EXPECT_EQ(estimate_tokens(calling), 5 + 3 + 4);
  calling.replay = "12345678";
  EXPECT_EQ(estimate_tokens(calling), 5 + 3 + 4 + 2);
}

TEST(ContextWindow, LeavesOutTheOldestTurnsAsWholes) {
  // 5 tokens a message.
  const std::vector history{user(1, "1111"), assistant(1, "1111"), user(2, "2222"), assistant(2, "2222"),
                            user(3, "3333")};
  EXPECT_EQ(fit_window(history, "", 0, 25).size(), 5U);
  EXPECT_THAT(shown(fit_window(history, "", 0, 24)), ElementsAre("user:2222", "assistant:2222", "user:3333"));
  EXPECT_EQ(fit_window(history, "", 0, 15).size(), 3U);
  EXPECT_THAT(shown(fit_window(history, "", 0, 14)), ElementsAre("user:3333"));
}

TEST(ContextWindow, CountsTheSystemPromptAndWhatIsReserved) {
  const std::vector history{user(1, "1111"), user(2, "2222")};
  EXPECT_EQ(fit_window(history, "12345678", 8, 20).size(), 2U);
  EXPECT_EQ(fit_window(history, "123456789", 8, 20).size(), 1U);
  EXPECT_EQ(fit_window(history, "12345678", 9, 20).size(), 1U);
}

TEST(ContextWindow, KeepsTheLatestTurnHoweverLong) {
  const std::vector history{user(1, "hi"), user(2, std::string(1000, 'x')), intent(2, {"a"}), result(2, "a", "1")};
  EXPECT_THAT(shown(fit_window(history, "", 0, 0)),
              ElementsAre("user:" + std::string(1000, 'x'), "assistant:[a]", "tool:a:1"));
}

TEST(ContextWindow, KeepsAllOfTheLatestTaskAlsoWhereAnotherStandsBetween) {
  const std::vector history{user(1, "1111"), user(2, "2222"), assistant(2, "2222"), assistant(1, "1111")};
  EXPECT_THAT(shown(fit_window(history, "", 0, 10)), ElementsAre("user:1111", "assistant:1111"));
}

TEST(ContextWindow, CountsTheResultsItAdds) {
  // 5 for the question, 11 for the intent, 25 for the result, 5 for the next.
  const std::vector history{user(1, "1111"), intent(1, {"a"}), user(2, "2222")};
  EXPECT_EQ(fit_window(history, "", 0, 100).size(), 4U);
  EXPECT_THAT(shown(fit_window(history, "", 0, 30)), ElementsAre("user:2222"));
}

} // namespace troupe
