#include "actors/timeouts.hpp"
#include "tests/actors/actor_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class TaskSupervisor : public actor_fixture {
protected:
  void SetUp() override { start_node(); }

  /// How many of them are in that state.
  std::ptrdiff_t count(const std::vector<uuid>& ids, task_status wanted) {
    return std::count_if(ids.begin(), ids.end(), [&](const uuid& id) { return status(id) == wanted; });
  }

  /// Nothing of the task changes from here on.
  void expect_final(const uuid& id) {
    const auto before = story(id);
    advance(1h);
    EXPECT_EQ(story(id), before);
    expect_sound_journal(id);
  }
};

class SmallTaskSupervisor : public TaskSupervisor {
protected:
  void SetUp() override {
    config_.supervisor.capacity = 2;
    start_node();
  }
};

constexpr auto completed_story = "task:created task:queued task:started chat:start chat:chunk chat:done task:completed";

} // namespace

// -- attempts -----------------------------------------------------------------

TEST_F(TaskSupervisor, RunsATaskToCompletion) {
  const auto id = execute("hello");
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(task(id).output, "Echo: hello");
  EXPECT_EQ(task(id).node, "test");
  EXPECT_EQ(story(id), completed_story);
  EXPECT_EQ(streamed(id), "Echo: hello");
  EXPECT_EQ(roles(id), "user assistant");
  EXPECT_EQ(outcomes(id), "completed");
  EXPECT_EQ(load().running, 0);
  expect_final(id);
}

TEST_F(TaskSupervisor, RestartsAfterATransientFailureWhenTheDelayIsOverAndNotBefore) {
  const auto id = execute("@fail=1:transient hello");
  const auto waiting = "task:created task:queued task:started chat:start chat:error task:retrying";
  EXPECT_EQ(story(id), waiting);
  EXPECT_EQ(status(id), task_status::running);
  EXPECT_THAT(data_of(id, event_type::task_retrying), HasSubstr(to_rfc3339(wall_clock() + 1s)));
  advance(999ms);
  EXPECT_EQ(story(id), waiting);
  advance(1ms);
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(outcomes(id), "failed completed");
  EXPECT_EQ(roles(id), "user assistant");
  expect_final(id);
}

TEST_F(TaskSupervisor, WaitsLongerAfterTheSecondFailure) {
  const auto id = execute("@fail=2:transient hello");
  advance(1s);
  EXPECT_EQ(attempts(id).size(), 2U);
  advance(1999ms);
  EXPECT_EQ(attempts(id).size(), 2U);
  EXPECT_EQ(status(id), task_status::running);
  advance(1ms);
  EXPECT_EQ(status(id), task_status::completed);
}

TEST_F(TaskSupervisor, ACrashIsJustAnotherFailure) {
  const auto id = execute("@fail=1:crash hello");
  EXPECT_THAT(data_of(id, event_type::task_retrying), HasSubstr("The task's actor crashed"));
  EXPECT_THAT(data_of(id, event_type::task_retrying), HasSubstr("transient"));
  EXPECT_GT(attempts(id).front().usage.input_tokens, 0);
  advance(1s);
  EXPECT_EQ(task(id).output, "Echo: hello");
  EXPECT_EQ(outcomes(id), "failed completed");
}

TEST_F(TaskSupervisor, ThrottlingChargesNoAttempt) {
  // Five waits, with a policy of three attempts.
  const auto id = execute("@fail=5:throttled hello");
  advance(1s + 2s + 3s + 4s);
  EXPECT_EQ(status(id), task_status::running);
  advance(5s);
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(attempts(id).size(), 6U);
  token_usage all;
  for (const auto& attempt : attempts(id)) {
    EXPECT_GT(attempt.usage.input_tokens, 0);
    all += attempt.usage;
  }
  EXPECT_EQ(task(id).usage, all);
}

TEST_F(TaskSupervisor, FailsAtOnceAfterAPermanentFailure) {
  const auto id = execute("@fail=1:permanent hello");
  EXPECT_EQ(story(id), "task:created task:queued task:started chat:start chat:error task:failed");
  EXPECT_EQ(task(id).error_kind, error_class::permanent);
  EXPECT_EQ(roles(id), "user");
  EXPECT_EQ(load().running, 0);
  expect_final(id);
}

TEST_F(TaskSupervisor, FailsWithTheNumberOfAttemptsWhenTheyAreUsedUp) {
  const auto id = execute("@fail=9:transient hello");
  advance(1s);
  EXPECT_EQ(status(id), task_status::running);
  advance(2s);
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(task(id).error_kind, error_class::transient);
  EXPECT_EQ(outcomes(id), "failed failed failed");
  EXPECT_THAT(data_of(id, event_type::task_failed), HasSubstr(R"("attempts":3)"));
  expect_final(id);
}

TEST_F(TaskSupervisor, ARetryByTheUserIsANewRunOfAttempts) {
  const auto id = execute("@fail=4:transient hello");
  advance(3s);
  ASSERT_EQ(status(id), task_status::failed);
  retry_task again;
  again.id = id;
  again.at = wall_clock();
  EXPECT_EQ(value_of(ask_writer(again)).task.status, task_status::pending);
  // The fourth attempt is the first of the new run.
  EXPECT_EQ(attempts(id).size(), 4U);
  EXPECT_EQ(status(id), task_status::running);
  advance(1s);
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(roles(id), "user assistant");
}

TEST_F(TaskSupervisor, EndsAnAttemptThatTakesLongerThanItsBotAllows) {
  put_bot_named("hasty", [](auto& bot) { bot.timeout = 2s; });
  const auto ticks = ticks_at_rest();
  const auto id = execute_with("hasty", "@pace=300 @words=10000");
  advance(1999ms);
  EXPECT_EQ(outcomes(id), "running");
  advance(1ms);
  EXPECT_THAT(data_of(id, event_type::task_retrying), HasSubstr("longer than 2 s"));
  EXPECT_THAT(data_of(id, event_type::task_retrying), HasSubstr("transient"));
  // The partial answer stays in the journal: words at 0, 300, … 1800 ms.
  const auto partial = streamed(id);
  EXPECT_EQ(std::count(partial.begin(), partial.end(), ' '), 6);
  // No stream goes on for a task that has ended.
  EXPECT_EQ(ticks_at_rest(), ticks);
  EXPECT_EQ(outcomes(id), "failed failed failed");
}

// -- due times ----------------------------------------------------------------

TEST_F(TaskSupervisor, RunsATaskAtItsTimeAndNotBefore) {
  auto command = make_task("hello");
  command.task.run_at = wall_clock() + 90s;
  const auto id = execute(std::move(command));
  advance(89999ms);
  EXPECT_EQ(story(id), "task:created task:queued");
  EXPECT_EQ(status(id), task_status::pending);
  advance(1ms);
  EXPECT_EQ(status(id), task_status::completed);
}

TEST_F(TaskSupervisor, FailsATaskWhoseBotWasDeletedWhileItWaited) {
  put_bot_named("leaving");
  auto command = make_task("hello");
  command.task.bot = "leaving";
  command.task.run_at = wall_clock() + 1s;
  const auto id = execute(std::move(command));
  value_of(ask_writer(delete_bot{"default", "leaving"}));
  advance(1s);
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(task(id).error_kind, error_class::permanent);
  EXPECT_EQ(story(id), "task:created task:queued task:started task:failed");
  expect_final(id);
}

// -- capacity and order -------------------------------------------------------

TEST_F(SmallTaskSupervisor, RunsNoMoreThanItsCapacityAndStartsTheRestAsOthersEnd) {
  std::vector<uuid> ids;
  for (int i = 0; i < 5; ++i)
    ids.push_back(execute("@delay=1000 hello"));
  EXPECT_EQ(count(ids, task_status::running), 2);
  EXPECT_EQ(count(ids, task_status::pending), 3);
  EXPECT_EQ(load().running, 2);
  EXPECT_EQ(load().capacity, 2);
  advance(1s);
  EXPECT_EQ(count(ids, task_status::completed), 2);
  EXPECT_EQ(count(ids, task_status::running), 2);
  EXPECT_EQ(load().running, 2);
  advance(1s);
  EXPECT_EQ(count(ids, task_status::completed), 4);
  advance(1s);
  EXPECT_EQ(count(ids, task_status::completed), 5);
  EXPECT_EQ(load().running, 0);
}

TEST_F(SmallTaskSupervisor, ATaskBetweenTwoAttemptsTakesNoCapacity) {
  const auto first = execute("@fail=1:transient hello");
  const auto second = execute("@fail=1:transient hello");
  const auto third = execute("hello");
  EXPECT_EQ(status(third), task_status::completed);
  advance(1s);
  EXPECT_EQ(status(first), task_status::completed);
  EXPECT_EQ(status(second), task_status::completed);
}

TEST_F(TaskSupervisor, RunsTheTasksOfAThreadOneAtATimeInOrder) {
  const auto first = execute("@delay=1000 one");
  const auto second = execute_in(first, "@delay=1000 two");
  const auto third = execute_in(first, "three");
  EXPECT_EQ(status(first), task_status::running);
  EXPECT_EQ(status(second), task_status::pending);
  advance(1s);
  EXPECT_EQ(status(first), task_status::completed);
  EXPECT_EQ(status(second), task_status::running);
  EXPECT_EQ(status(third), task_status::pending);
  advance(1s);
  EXPECT_EQ(status(second), task_status::completed);
  EXPECT_EQ(status(third), task_status::completed);
  EXPECT_GE(task(second).started_at, task(first).completed_at);
  EXPECT_GE(task(third).started_at, task(second).completed_at);
}

TEST_F(TaskSupervisor, AThreadWaitsWhileItsTaskWaitsForARetry) {
  const auto first = execute("@fail=1:transient one");
  const auto second = execute_in(first, "two");
  advance(999ms);
  EXPECT_EQ(status(second), task_status::pending);
  advance(1ms);
  EXPECT_EQ(status(first), task_status::completed);
  EXPECT_EQ(status(second), task_status::completed);
}

// -- cancel, status, delete ---------------------------------------------------

TEST_F(TaskSupervisor, CancelKeepsThePartialAnswerAndNothingIsJournaledAfterIt) {
  const auto ticks = ticks_at_rest();
  // Three hours, if nobody stopped it.
  const auto id = execute("@pace=100 @words=100000");
  advance(220ms);
  const auto cancelled = value_of(ask_supervisor(make_cancel(id))).task;
  EXPECT_EQ(cancelled.status, task_status::cancelled);
  EXPECT_EQ(cancelled.output, "the stage is");
  EXPECT_EQ(streamed(id), "the stage is");
  EXPECT_EQ(journal(id).back().type, event_type::task_cancelled);
  EXPECT_EQ(roles(id), "user assistant");
  EXPECT_TRUE(messages(id).back().interrupted);
  EXPECT_EQ(outcomes(id), "cancelled");
  EXPECT_EQ(load().running, 0);
  EXPECT_EQ(ticks_at_rest(), ticks);
  expect_final(id);
}

TEST_F(TaskSupervisor, CancelKeepsTextThatWasNotJournaledYet) {
  const auto id = execute("@pace=10 one two three four five");
  // The first word was journaled at once, the next ones wait for their 50 ms.
  advance(35ms);
  EXPECT_EQ(streamed(id), "Echo:");
  const auto cancelled = value_of(ask_supervisor(make_cancel(id))).task;
  EXPECT_EQ(cancelled.output, "Echo: one two three");
  EXPECT_EQ(streamed(id), "Echo: one two three");
  expect_final(id);
}

TEST_F(TaskSupervisor, CancelLetsTheThreadGoOn) {
  const auto first = execute("@delay=60000 one");
  const auto second = execute_in(first, "two");
  value_of(ask_supervisor(make_cancel(first)));
  EXPECT_EQ(status(second), task_status::completed);
}

TEST_F(SmallTaskSupervisor, CancelOfATaskThatHasNotStartedKeepsItFromStarting) {
  execute("@delay=1000 one");
  execute("@delay=1000 two");
  const auto id = execute("three");
  EXPECT_EQ(value_of(ask_supervisor(make_cancel(id))).task.status, task_status::cancelled);
  EXPECT_EQ(story(id), "task:created task:queued task:cancelled");
  expect_final(id);
}

TEST_F(TaskSupervisor, CancelBetweenTwoAttemptsIsTheEnd) {
  const auto id = execute("@fail=1:transient hello");
  value_of(ask_supervisor(make_cancel(id)));
  EXPECT_EQ(journal(id).back().type, event_type::task_cancelled);
  expect_final(id);
}

TEST_F(TaskSupervisor, CancelMayBeRepeatedButNotOfAFinishedTask) {
  const auto id = execute("@delay=1000 hello");
  const auto one = ask_supervisor(make_cancel(id));
  const auto two = ask_supervisor(make_cancel(id));
  EXPECT_EQ(value_of(one).task.status, task_status::cancelled);
  EXPECT_EQ(value_of(two).task.status, task_status::cancelled);
  expect_final(id);
  EXPECT_EQ(refusal_of(ask_supervisor(make_cancel(execute("hello")))), errc::illegal_transition);
  EXPECT_EQ(refusal_of(ask_supervisor(make_cancel(make_uuid()))), errc::not_found);
}

TEST_F(TaskSupervisor, RunsATaskAgainWhoseCancelCouldNotBeStored) {
  const auto id = execute("@delay=1000 hello");
  faults_->befalls = once<cancel_task>(fault::refused);
  EXPECT_EQ(refusal_of(ask_supervisor(make_cancel(id))), errc::unavailable);
  EXPECT_EQ(status(id), task_status::running);
  EXPECT_EQ(load().running, 1);
  advance(timeouts::settle_again + 1s + 1s);
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(outcomes(id), "failed completed");
  EXPECT_EQ(load().running, 0);
  expect_sound_journal(id);
}

TEST_F(TaskSupervisor, ATerminalStatusByHandStopsTheRunningActor) {
  // The model's actor starts with the first request.
  execute("hello");
  const auto actors = living_actors();
  // It would write nothing for ten minutes, and so not find out by itself.
  const auto id = execute("@delay=600000 hello");
  EXPECT_EQ(living_actors(), actors + 1);
  set_task_status request;
  request.id = id;
  request.status = task_status::completed;
  request.output = "enough";
  request.at = wall_clock();
  EXPECT_EQ(value_of(ask_supervisor(request)).task.output, "enough");
  EXPECT_EQ(living_actors(), actors);
  EXPECT_EQ(load().running, 0);
  expect_final(id);
  EXPECT_EQ(task(id).output, "enough");
}

TEST_F(TaskSupervisor, DeleteStopsTheRunningActor) {
  const auto ticks = ticks_at_rest();
  const auto id = execute("@pace=100 @words=100000");
  advance(1s);
  value_of(ask_supervisor(delete_task{id, wall_clock()}));
  EXPECT_EQ(load().running, 0);
  const auto before = story(id);
  EXPECT_THAT(before, testing::EndsWith("task:cancelled task:deleted"));
  EXPECT_EQ(ticks_at_rest(), ticks);
  EXPECT_EQ(story(id), before);
}

TEST_F(TaskSupervisor, ARefusedTransitionLeavesTheActorRunning) {
  const auto id = execute("@delay=1000 hello");
  set_task_status request;
  request.id = id;
  request.status = task_status::pending;
  request.at = wall_clock();
  EXPECT_EQ(refusal_of(ask_supervisor(request)), errc::illegal_transition);
  advance(1s);
  EXPECT_EQ(status(id), task_status::completed);
}

// -- drain --------------------------------------------------------------------

TEST_F(TaskSupervisor, DrainAnswersWhenTheRunningTasksHaveEndedAndClaimsNoMore) {
  const auto running = execute("@delay=1000 hello");
  const auto answered = ask<drained>(peers()->supervisor, drain{10s});
  const auto late = execute("hello");
  advance(999ms);
  EXPECT_TRUE(answered->waits());
  EXPECT_TRUE(load().draining);
  advance(1ms);
  EXPECT_EQ(value_of(answered).released, 0);
  EXPECT_EQ(status(running), task_status::completed);
  advance(1min);
  EXPECT_EQ(status(late), task_status::pending);
}

TEST_F(TaskSupervisor, DrainAnswersAtOnceWhenNothingRuns) {
  EXPECT_EQ(value_of(ask<drained>(peers()->supervisor, drain{10s})).released, 0);
}

TEST_F(TaskSupervisor, DrainHandsBackAtItsDeadlineWithoutCharging) {
  put_bot_named("single", [](auto& bot) { bot.restart.max_attempts = 1; });
  const auto id = execute_with("single", "@delay=60000 hello");
  const auto answered = ask<drained>(peers()->supervisor, drain{5s});
  advance(4999ms);
  EXPECT_TRUE(answered->waits());
  advance(1ms);
  EXPECT_EQ(value_of(answered).released, 1);
  EXPECT_EQ(outcomes(id), "released");
  advance(2min);
  EXPECT_EQ(outcomes(id), "released");
  // The next process: its supervisor takes the task up, as its first attempt still.
  kill(peers()->supervisor);
  advance(1min);
  EXPECT_EQ(outcomes(id), "released completed");
  EXPECT_EQ(roles(id), "user assistant");
  expect_sound_journal(id);
}

TEST_F(TaskSupervisor, AllWhoDrainAreToldHowManyWereHandedBack) {
  execute("@delay=60000 hello");
  execute("@delay=60000 hello");
  const auto first = ask<drained>(peers()->supervisor, drain{5s});
  const auto second = ask<drained>(peers()->supervisor, drain{5s});
  advance(5s);
  EXPECT_EQ(value_of(first).released, 2);
  EXPECT_EQ(value_of(second).released, 2);
}

TEST_F(TaskSupervisor, ATaskThatFailsDuringTheDrainIsLeftForTheNextStart) {
  const auto id = execute("@delay=1000 @fail=1:transient hello");
  const auto answered = ask<drained>(peers()->supervisor, drain{10s});
  advance(1s);
  EXPECT_EQ(value_of(answered).released, 0);
  advance(1min);
  EXPECT_EQ(outcomes(id), "failed");
  kill(peers()->supervisor);
  advance(1s);
  EXPECT_EQ(status(id), task_status::completed);
}

TEST_F(TaskSupervisor, AClaimThatIsOnItsWayWhenTheDrainBeginsIsGivenBack) {
  auto later = make_task("hello");
  later.task.run_at = wall_clock() + 1h;
  const auto id = execute(std::move(later));
  // It is due now, and nobody has noticed.
  put_clock_forward(2h);
  caf::anon_send(peers()->supervisor, work_arrived{});
  const auto answered = ask<drained>(peers()->supervisor, drain{10s});
  EXPECT_EQ(value_of(answered).released, 0);
  EXPECT_EQ(load().running, 0);
  EXPECT_EQ(outcomes(id), "released");
  EXPECT_EQ(roles(id), "user");
}

} // namespace troupe
