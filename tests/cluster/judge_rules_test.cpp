#include "tests/judge/judge_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

/// The judge himself: he finds what he is there to find, and nothing in what is sound.
namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

json event(int seq, int attempt, const std::string& type, int second = 0) {
  return {{"seq", seq},
          {"attempt", attempt},
          {"type", type},
          {"at", "2026-01-02T03:04:" + std::to_string(10 + second) + ".000000Z"},
          {"data", {{"number", seq}}}};
}

json message(const std::string& role, const std::string& content) {
  return {{"role", role}, {"content", content}, {"tool_calls", json::array()}};
}

json attempt(int number, const std::string& outcome) {
  return {{"attempt", number}, {"outcome", outcome}, {"ended_at", "2026-01-02T03:04:20.000000Z"}};
}

/// A task whose first node died: as it should be.
task_evidence sound() {
  task_evidence e;
  e.task = {{"status", "COMPLETED"}, {"attempt", 2}, {"output", "Echo: Hello"}, {"input", "Hello"}};
  e.journal = {event(1, 0, "task:created"),       event(2, 0, "task:queued"),      event(3, 1, "task:started", 1),
               event(4, 1, "chat:chunk", 2),      event(5, 1, "task:retrying", 6), event(6, 2, "task:started", 7),
               event(7, 2, "chat:tool_start", 8), event(8, 2, "chat:chunk", 9),    event(9, 2, "task:completed", 9)};
  json calling = message("assistant", "");
  calling["tool_calls"] = {{{"call_id", "a"}}};
  json result = message("tool", "42");
  result["call_id"] = "a";
  e.messages = {message("user", "Hello"), calling, result, message("assistant", "Echo: Hello")};
  e.attempts = {attempt(1, "lost"), attempt(2, "completed")};
  return e;
}

std::vector<seen_event> seen_of(const std::vector<json>& journal) {
  std::vector<seen_event> seen;
  for (const auto& entry : journal) {
    seen.push_back(summary_of(entry));
  }
  return seen;
}

/// What the judge says of a sound task after `spoil` was done to it.
std::vector<std::string> flaws_after(const std::function<void(task_evidence&)>& spoil) {
  auto evidence = sound();
  spoil(evidence);
  return flaws_of(evidence);
}

} // namespace

TEST(JudgeRules, FindNothingInWhatIsSound) {
  EXPECT_THAT(flaws_of(sound()), IsEmpty());
  EXPECT_THAT(flaws_of_view(seen_of(sound().journal), sound().journal), IsEmpty());
}

TEST(JudgeRules, FindAHoleAndARepeatInTheJournal) {
  EXPECT_THAT(flaws_after([](auto& e) { e.journal.erase(e.journal.begin() + 3); }),
              Contains(HasSubstr("in the place")));
  EXPECT_THAT(flaws_after([](auto& e) { e.journal.insert(e.journal.begin() + 3, e.journal[3]); }),
              Contains(HasSubstr("in the place")));
}

TEST(JudgeRules, FindTwoTerminalEventsAndNone) {
  EXPECT_THAT(flaws_after([](auto& e) { e.journal.push_back(event(10, 2, "task:failed")); }),
              Contains(HasSubstr("2 terminal events")));
  EXPECT_THAT(flaws_after([](auto& e) { e.journal.pop_back(); }), Contains(HasSubstr("0 terminal events")));
  EXPECT_THAT(flaws_after([](auto& e) { e.journal.push_back(event(10, 2, "chat:chunk")); }),
              Contains(HasSubstr("goes on after its end")));
  EXPECT_THAT(flaws_after([](auto& e) { e.journal.clear(); }), Contains(HasSubstr("no journal")));
}

TEST(JudgeRules, FindTheWriteOfAFencedAttempt) {
  EXPECT_THAT(flaws_after([](auto& e) { e.journal[7] = event(8, 1, "chat:chunk"); }),
              Contains(HasSubstr("attempt 1 wrote chat:chunk (8) after attempt 2 had begun")));
  EXPECT_THAT(flaws_after([](auto& e) { e.journal[6] = event(7, 2, "task:started"); }),
              Contains(HasSubstr("started 2 times")));
}

TEST(JudgeRules, FindAStatusThatTheJournalDoesNotHave) {
  EXPECT_THAT(flaws_after([](auto& e) { e.task["status"] = "FAILED"; }),
              Contains(HasSubstr("ends with task:completed, but the task is FAILED")));
  EXPECT_THAT(flaws_after([](auto& e) { e.task["status"] = "RUNNING"; }), Contains("it is RUNNING"));
}

TEST(JudgeRules, FindMessagesThatAreMissingOrTooMany) {
  EXPECT_THAT(flaws_after([](auto& e) { e.messages.push_back(message("assistant", "Echo: Hello")); }),
              Contains(HasSubstr("2 final messages")));
  EXPECT_THAT(flaws_after([](auto& e) { e.messages.pop_back(); }), Contains(HasSubstr("0 final messages")));
  EXPECT_THAT(flaws_after([](auto& e) { e.messages.push_back(message("user", "Hello")); }),
              Contains(HasSubstr("2 user messages")));
  EXPECT_THAT(flaws_after([](auto& e) { e.messages.back()["content"] = "Echo"; }), Contains(HasSubstr("differ")));
}

TEST(JudgeRules, FindToolCallsWithoutExactlyOneResult) {
  EXPECT_THAT(flaws_after([](auto& e) { e.messages.erase(e.messages.begin() + 2); }),
              Contains(HasSubstr("has 0 results")));
  EXPECT_THAT(flaws_after([](auto& e) { e.messages.insert(e.messages.begin() + 2, e.messages[2]); }),
              Contains(HasSubstr("has 2 results")));
  EXPECT_THAT(flaws_after([](auto& e) { e.messages.erase(e.messages.begin() + 1); }),
              Contains(HasSubstr("without a tool call")));
}

TEST(JudgeRules, FindAttemptsThatAreMissingOrStillRun) {
  EXPECT_THAT(flaws_after([](auto& e) { e.attempts.clear(); }), Contains(HasSubstr("attempts are missing")));
  EXPECT_THAT(flaws_after([](auto& e) { e.attempts.erase(e.attempts.begin()); }),
              Contains(HasSubstr("in the place of 1")));
  EXPECT_THAT(flaws_after([](auto& e) { e.attempts[0]["outcome"] = "running"; }),
              Contains(HasSubstr("an attempt still runs")));
  EXPECT_THAT(flaws_after([](auto& e) { e.attempts[0]["outcome"] = "completed"; }),
              Contains(HasSubstr("2 attempts were completed")));
}

TEST(JudgeRules, FindWhatASubscriberDidNotSeeOrSawTwice) {
  const auto journal = sound().journal;
  auto hole = seen_of(journal);
  hole.erase(hole.begin() + 4);
  EXPECT_THAT(flaws_of_view(hole, journal), Contains(HasSubstr("6 came in the place of 5: a hole")));
  auto twice = seen_of(journal);
  twice.insert(twice.begin() + 4, twice[3]);
  EXPECT_THAT(flaws_of_view(twice, journal), Contains("4 came again"));
  auto cut_short = seen_of(journal);
  cut_short.pop_back();
  EXPECT_THAT(flaws_of_view(cut_short, journal), Contains("the last one seen is 8 of 9"));
  auto other = seen_of(journal);
  other[2].digest += 1;
  EXPECT_THAT(flaws_of_view(other, journal), Contains(HasSubstr("3 was seen otherwise")));
}

TEST(JudgeRules, LetWhatVanishedHaveBeenSeenBeforeWhatStands) {
  const auto journal = sound().journal;
  // Those from the fifth on are lost with the primary; others come in their place, or the same ones again.
  auto lost = seen_of(journal);
  lost.resize(7);
  lost[4].digest += 1;
  lost[5].digest += 1;
  const auto again = seen_of(journal);
  lost.insert(lost.end(), again.begin() + 4, again.end());
  EXPECT_THAT(flaws_of_view_past_loss(lost, journal, true), IsEmpty());
  EXPECT_THAT(flaws_of_view(lost, journal), testing::Not(IsEmpty()));
  auto hole = lost;
  hole.erase(hole.end() - 2);
  EXPECT_THAT(flaws_of_view_past_loss(hole, journal, true), Contains("8 was never seen"));
  EXPECT_THAT(flaws_of_view_past_loss(hole, journal, false), IsEmpty());
  auto swapped = lost;
  std::swap(swapped[swapped.size() - 1], swapped[swapped.size() - 2]);
  EXPECT_THAT(flaws_of_view_past_loss(swapped, journal, true), Contains(HasSubstr("before what it follows")));
}

TEST(JudgeRules, MeasureThePauseBehindALostAttempt) {
  const auto found = recoveries_of(sound());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].attempt, 1);
  EXPECT_TRUE(found[0].lost);
  EXPECT_EQ(found[0].pause, 5s);
}

TEST(JudgeRules, KnowHowLongAnInputRuns) {
  EXPECT_EQ(run_time_of("Hello"), 0ms);
  EXPECT_EQ(run_time_of("@delay=2000 long"), 2000ms);
  EXPECT_EQ(run_time_of("@words=40 @pace=5"), 205ms);
  EXPECT_EQ(run_time_of(R"(@tool=calculate:{"expression":"6*7"} @pace=20 one two three)"), 80ms);
}

} // namespace troupe
