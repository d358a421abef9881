#include "tests/actors/actor_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class Task : public actor_fixture {
protected:
  void SetUp() override {
    start_node();
    put_bot_named("clerk", [](auto& bot) { bot.tools = builtin_tools_named({"calculate", "now"}); });
  }

  std::vector<event_record> entries(const uuid& id, event_type type) {
    auto events = journal(id);
    std::erase_if(events, [&](const auto& event) { return event.type != type; });
    return events;
  }

  /// The tool messages' contents, in order.
  std::vector<std::string> results(const uuid& id) {
    std::vector<std::string> found;
    for (const auto& message : messages(id))
      if (message.role == message_role::tool)
        found.push_back(message.content);
    return found;
  }
};

constexpr auto tool_story = "task:created task:queued task:started chat:start chat:tool_start chat:tool_result "
                            "chat:chunk chat:done task:completed";

} // namespace

// -- streaming ----------------------------------------------------------------

TEST_F(Task, JournalsAStreamAtMostOncePer50Milliseconds) {
  const auto id = execute("@pace=10 @words=40");
  advance(1s);
  ASSERT_EQ(status(id), task_status::completed);
  EXPECT_EQ(streamed(id), task(id).output);
  const auto chunks = entries(id, event_type::chat_chunk);
  // 40 words in 390 ms: one at once, then one per 50 ms, and the rest with the end.
  EXPECT_EQ(chunks.size(), 9U);
  // The last one is a part of the commit that ends the task.
  for (std::size_t i = 1; i + 1 < chunks.size(); ++i)
    EXPECT_GE(chunks[i].at - chunks[i - 1].at, 50ms);
  EXPECT_EQ(chunks.back().at, entries(id, event_type::task_completed).front().at);
}

TEST_F(Task, JournalsTheFirstWordAtOnce) {
  const auto id = execute("@pace=1000 one two");
  advance(0s);
  EXPECT_EQ(streamed(id), "Echo:");
  advance(1s);
  EXPECT_EQ(streamed(id), "Echo: one");
}

TEST_F(Task, CountsOffsetsInCharactersNotBytes) {
  const auto id = execute("@pace=100 zwölf Bären naïve 🐻🐻 日本語");
  advance(1s);
  // streamed() compares each chunk's offset with the characters before it.
  EXPECT_EQ(streamed(id), "Echo: zwölf Bären naïve 🐻🐻 日本語");
  EXPECT_THAT(entries(id, event_type::chat_chunk).back().data, HasSubstr(R"("offset":26)"));
}

TEST_F(Task, EachAttemptStreamsFromTheStart) {
  faults_->befalls = once<append_journal>(fault::refused, 2);
  const auto id = execute("@pace=100 one two three four");
  advance(3s);
  EXPECT_EQ(outcomes(id), "failed completed");
  EXPECT_EQ(streamed(id, 2), "Echo: one two three four");
}

TEST_F(Task, AStoreThatRefusesAChunkEndsTheAttemptAndItsStream) {
  const auto ticks = ticks_at_rest();
  faults_->befalls = once<append_journal>(fault::refused, 2);
  put_bot_named("single", [](auto& bot) { bot.restart.max_attempts = 1; });
  const auto id = execute_with("single", "@pace=1000 @words=5000");
  advance(3s);
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(task(id).error_kind, error_class::transient);
  EXPECT_EQ(ticks_at_rest(), ticks);
}

// -- tools --------------------------------------------------------------------

TEST_F(Task, StoresAToolCallBeforeItIsMadeAndItsResultAfter) {
  const auto id = execute_with("clerk", R"(@tool=calculate:{"expression":"1+2"} sum)");
  EXPECT_EQ(story(id), tool_story);
  EXPECT_EQ(roles(id), "user assistant tool assistant");
  EXPECT_EQ(results(id), std::vector<std::string>{R"({"result":3})"});
  EXPECT_EQ(task(id).output, "Echo: sum\ncalculate: 3");
  // Two commits, not one: an intent that is not on disk is no intent.
  const auto appends = std::count_if(faults_->commits.begin(), faults_->commits.end(), [](const auto& types) {
    return std::count(types.begin(), types.end(), operation{append_journal{}}.index()) == 1;
  });
  EXPECT_EQ(appends, 2);
}

TEST_F(Task, MakesSeveralCallsOfOneTurn) {
  const auto id
    = execute_with("clerk", R"(@tool=calculate:{"expression":"2*3"} @tool=calculate:{"expression":"2^5"} sums)");
  EXPECT_EQ(results(id), (std::vector<std::string>{R"({"result":6})", R"({"result":32})"}));
  EXPECT_EQ(roles(id), "user assistant tool tool assistant");
  expect_sound_journal(id);
}

TEST_F(Task, GoesOnWithTheCallWhenItsResultWasLost) {
  faults_->befalls = once<append_journal>(fault::lost, 1);
  const auto id = execute_with("clerk", "@tool=now:{} time");
  EXPECT_EQ(journal(id).back().type, event_type::chat_tool_start);
  EXPECT_TRUE(results(id).empty());
  advance(1s);
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(outcomes(id), "failed completed");
  // The intent is not stored again, and it has one result.
  EXPECT_EQ(roles(id), "user assistant tool assistant");
  EXPECT_EQ(entries(id, event_type::chat_tool_start).size(), 1U);
  EXPECT_EQ(entries(id, event_type::chat_tool_result).size(), 1U);
  EXPECT_EQ(messages(id)[2].attempt, 2);
  expect_sound_journal(id);
}

TEST_F(Task, NeverRepeatsAFinishedCall) {
  faults_->befalls = once<append_journal>(fault::lost_after_commit, 1);
  const auto id = execute_with("clerk", "@tool=now:{} time");
  const auto first = results(id);
  ASSERT_EQ(first.size(), 1U);
  advance(1s);
  EXPECT_EQ(status(id), task_status::completed);
  // The time is that of the first attempt.
  EXPECT_EQ(results(id), first);
  EXPECT_EQ(entries(id, event_type::chat_tool_result).size(), 1U);
  EXPECT_EQ(roles(id), "user assistant tool assistant");
  EXPECT_THAT(*task(id).output, HasSubstr(to_rfc3339(wall_clock() - 1s)));
}

TEST_F(Task, GoesOnBehindItsLastResultWhenTheSupervisorDies) {
  // The answer that follows the tools cannot be stored before the supervisor is gone.
  faults_->befalls = once<complete_task>(fault::refused);
  const auto id = execute_with("clerk", "@tool=now:{} time");
  const auto first = results(id);
  kill(peers()->supervisor);
  advance(1s);
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(results(id), first);
  EXPECT_EQ(roles(id), "user assistant tool assistant");
  expect_sound_journal(id);
}

TEST_F(Task, RefusesAToolThatItsBotHasNot) {
  put_bot_named("bare");
  const auto id = execute_with("bare", R"(@tool=calculate:{"expression":"1+2"} sum)");
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(results(id), std::vector<std::string>{R"({"error":"This bot has no such tool."})"});
}

TEST_F(Task, FailsWhenTheModelAsksForMoreTurnsThanTheBotAllows) {
  put_bot_named("curt", [](auto& bot) {
    bot.tools = builtin_tools_named({"now"});
    bot.max_iterations = 1;
  });
  const auto id = execute_with("curt", "@tool=now:{} time");
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(task(id).error_kind, error_class::permanent);
  EXPECT_THAT(*task(id).error, HasSubstr("max_iterations"));
  // No call without its result, also where a task fails.
  EXPECT_EQ(roles(id), "user assistant tool");
  expect_sound_journal(id);
}

TEST_F(Task, CancelSealsACallWithoutResult) {
  faults_->befalls = [](auto batch) {
    return holds<append_journal>(batch)
               && std::any_of(batch.begin(), batch.end(),
                              [](const auto& op) {
                                const auto* append = std::get_if<append_journal>(&op);
                                return append && !append->messages.empty()
                                       && append->messages.front().role == message_role::tool;
                              })
             ? fault::refused
             : fault::none;
  };
  const auto id = execute_with("clerk", "@tool=now:{} time");
  EXPECT_EQ(roles(id), "user assistant");
  value_of(ask_supervisor(make_cancel(id)));
  EXPECT_EQ(roles(id), "user assistant tool");
  expect_sound_journal(id);
}

// -- history ------------------------------------------------------------------

TEST_F(Task, ShowsTheModelTheThreadSoFar) {
  const auto first = execute("one two three");
  const auto second = execute_in(first, "four");
  // "one two three", "Echo: one two three", "four": eight words.
  EXPECT_EQ(task(first).usage.input_tokens, 3);
  EXPECT_EQ(task(second).usage.input_tokens, 8);
}

TEST_F(Task, ReadsAHistoryOfSeveralPages) {
  const auto first = execute("word");
  // Each turn leaves two messages; a page holds 500.
  for (int i = 0; i < 260; ++i)
    execute_in(first, "word");
  const auto last = execute_in(first, "word");
  // 261 turns of "word" and "Echo: word", then this input.
  EXPECT_EQ(task(last).usage.input_tokens, 261 * 3 + 1);
}

TEST_F(Task, ReadsAHistoryOfSeveralMebibytes) {
  put_bot_named("patient", [](auto& bot) { bot.context_tokens = 100'000'000; });
  const auto first = execute_with("patient", std::string(250'000, 'w'));
  for (int i = 0; i < 7; ++i) {
    auto command = make_task(std::string(250'000, 'w'));
    command.task.thread_id = first;
    command.task.bot = "patient";
    execute(std::move(command));
  }
  auto command = make_task("word");
  command.task.thread_id = first;
  command.task.bot = "patient";
  const auto last = execute(std::move(command));
  // Eight turns of one word, and "Echo: " before it in their answers, then this input.
  EXPECT_EQ(task(last).usage.input_tokens, 8 * 3 + 1);
}

// -- its bot and model --------------------------------------------------------

TEST_F(Task, FailsForGoodWhenItsModelWasDeleted) {
  model_record model;
  model.name = "gone";
  model.ns = "default";
  value_of(ask_writer(put_model{model, wall_clock()}));
  put_bot_named("orphan", [](auto& bot) { bot.model = "gone"; });
  auto command = make_task("hello");
  command.task.bot = "orphan";
  command.task.run_at = wall_clock() + 1s;
  const auto id = execute(std::move(command));
  value_of(ask_writer(delete_model{"default", "gone"}));
  advance(1s);
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(task(id).error_kind, error_class::permanent);
  EXPECT_THAT(*task(id).error, HasSubstr("'gone'"));
}

TEST_F(Task, FailsForGoodWhenADirectiveIsWrong) {
  const auto id = execute("@delay=soon hello");
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(task(id).error_kind, error_class::permanent);
  EXPECT_THAT(*task(id).error, HasSubstr("@delay"));
}

} // namespace troupe
