#include "tests/actors/actor_fixture.hpp"

namespace troupe {

namespace {

using namespace std::chrono_literals;

class Turn : public actor_fixture {
protected:
  void SetUp() override {
    start_node();
    put_bot_named("patient");
    put_bot_named("strict", [](auto& bot) { bot.on_busy = on_busy_rule::reject; });
    put_bot_named("eager", [](auto& bot) { bot.on_busy = on_busy_rule::interrupt; });
  }

  std::shared_ptr<answer<task_result>> say(const uuid& thread_of, std::string input) {
    return ask<task_result>(peers()->supervisor, start_turn{thread_of, std::move(input), "a turn", {}});
  }

  std::shared_ptr<answer<task_result>> hush(const uuid& thread_of) {
    return ask<task_result>(peers()->supervisor, cancel_turn{thread_of});
  }
};

} // namespace

TEST_F(Turn, GoesOnInTheThreadWithItsBot) {
  const auto first = execute_with("patient", "one");
  const auto second = value_of(say(first, "two")).task;
  EXPECT_EQ(second.thread_id, first);
  EXPECT_EQ(second.bot, "patient");
  EXPECT_EQ(second.created_by, "tester");
  EXPECT_EQ(task(second.id).output, "Echo: two");
  // Any task of the thread will do.
  const auto third = value_of(say(second.id, "three")).task;
  EXPECT_EQ(third.thread_id, first);
  EXPECT_EQ(status(third.id), task_status::completed);
}

TEST_F(Turn, EnqueuesBehindARunningTurn) {
  const auto first = execute_with("patient", "@delay=1000 one");
  const auto second = value_of(say(first, "two")).task.id;
  EXPECT_EQ(status(second), task_status::pending);
  advance(1s);
  EXPECT_EQ(status(first), task_status::completed);
  EXPECT_EQ(status(second), task_status::completed);
}

TEST_F(Turn, IsRejectedWhileTheThreadIsBusy) {
  const auto first = execute_with("strict", "@delay=1000 one");
  EXPECT_EQ(refusal_of(say(first, "two")), errc::thread_busy);
  get_tasks question;
  question.filter.ns = "default";
  question.filter.thread_id = first;
  EXPECT_EQ(value_of(ask<task_page>(peers()->readers.front(), question)).items.size(), 1U);
  advance(1s);
  EXPECT_EQ(status(value_of(say(first, "three")).task.id), task_status::completed);
}

TEST_F(Turn, ATaskThatNobodyExecutesKeepsNoThreadBusy) {
  const auto first = execute_with("strict", "one");
  auto idle = make_task("idle");
  idle.execute = false;
  idle.task.thread_id = first;
  execute(std::move(idle));
  EXPECT_EQ(status(value_of(say(first, "two")).task.id), task_status::completed);
}

TEST_F(Turn, InterruptsWhatRunsAndWhatWaits) {
  const auto first = execute_with("eager", "@pace=100 one two three four");
  const auto queued = execute_in(first, "@delay=1000 queued");
  advance(150ms);
  const auto last = value_of(say(first, "last")).task.id;
  EXPECT_EQ(status(first), task_status::cancelled);
  EXPECT_EQ(task(first).output, "Echo: one");
  EXPECT_EQ(story(queued), "task:created task:queued task:cancelled");
  EXPECT_EQ(task(last).output, "Echo: last");
  advance(1min);
  expect_sound_journal(first);
}

// A page of tasks ends at about 1 MiB: three or four of these. What is on the pages behind it waits too.
TEST_F(Turn, InterruptsAllThatWaitsHoweverLongItIs) {
  const auto first = execute_with("eager", "@delay=1000 one");
  std::vector<uuid> queued;
  for (int i = 0; i < 11; ++i)
    queued.push_back(execute_in(first, "@delay=1000 " + std::string(250'000, 'x')));
  const auto last = value_of(say(first, "last")).task.id;
  EXPECT_EQ(status(first), task_status::cancelled);
  for (const auto& id : queued)
    EXPECT_EQ(story(id), "task:created task:queued task:cancelled");
  EXPECT_EQ(task(last).output, "Echo: last");
}

TEST_F(Turn, CancelEndsTheOldestThatWaitsHoweverLongTheOthersAre) {
  const auto first = execute_with("patient", "@delay=1000 one");
  std::vector<uuid> queued;
  for (int i = 0; i < 9; ++i) {
    auto command = make_task("@delay=1000 " + std::string(250'000, 'x'));
    command.task.thread_id = first;
    command.task.run_at = wall_clock() + 1h;
    queued.push_back(execute(std::move(command)));
  }
  EXPECT_EQ(value_of(hush(first)).task.id, first);
  for (const auto& id : queued)
    EXPECT_EQ(value_of(hush(first)).task.id, id);
}

TEST_F(Turn, FollowsTheBotOfTheDefaultNamespace) {
  auto command = make_task("@delay=1000 one");
  command.task.ns = command.task.bot_ns = "elsewhere";
  command.task.bot = "strict";
  const auto first = execute(std::move(command));
  ASSERT_EQ(status(first), task_status::running);
  EXPECT_EQ(refusal_of(say(first, "two")), errc::thread_busy);
}

TEST_F(Turn, IsRefusedWhenItsBotIsGone) {
  const auto first = execute_with("patient", "one");
  value_of(ask_writer(delete_bot{"default", "patient"}));
  EXPECT_EQ(refusal_of(say(first, "two")), errc::bot_invalid);
}

TEST_F(Turn, IsRefusedWithoutAThread) {
  EXPECT_EQ(refusal_of(say(make_uuid(), "two")), errc::not_found);
  EXPECT_EQ(refusal_of(hush(make_uuid())), errc::not_found);
}

TEST_F(Turn, CancelEndsTheRunningTurnFirstThenTheNext) {
  const auto first = execute_with("patient", "@pace=100 one two three");
  const auto second = execute_in(first, "@delay=1000 two");
  const auto third = execute_in(first, "@delay=1000 three");
  advance(150ms);
  EXPECT_EQ(value_of(hush(third)).task.id, first);
  EXPECT_EQ(task(first).output, "Echo: one");
  EXPECT_EQ(status(second), task_status::running);
  EXPECT_EQ(value_of(hush(first)).task.id, second);
  EXPECT_EQ(value_of(hush(first)).task.id, third);
  EXPECT_EQ(refusal_of(hush(first)), errc::illegal_transition);
}

TEST_F(Turn, CancelFindsATurnThatWaitsForItsRetry) {
  const auto id = execute_with("patient", "@fail=1:transient one");
  EXPECT_EQ(value_of(hush(id)).task.id, id);
  EXPECT_EQ(status(id), task_status::cancelled);
}

TEST_F(Turn, TwoAtOnceAreBothTaken) {
  const auto first = execute_with("patient", "@delay=1000 one");
  const auto two = say(first, "two");
  const auto three = say(first, "three");
  EXPECT_NE(value_of(two).task.id, value_of(three).task.id);
  advance(1s);
  EXPECT_EQ(status(value_of(two).task.id), task_status::completed);
  EXPECT_EQ(status(value_of(three).task.id), task_status::completed);
}

TEST_F(Turn, IsAnsweredWhenTheStoreFails) {
  const auto first = execute_with("patient", "one");
  faults_->befalls = once<create_task>(fault::refused);
  EXPECT_EQ(refusal_of(say(first, "two")), errc::unavailable);
}

} // namespace troupe
