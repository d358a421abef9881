#include "actors/timeouts.hpp"
#include "tests/actors/actor_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// What a supervisor makes of its own death, and of a store that fails it.
class Recovery : public actor_fixture {
protected:
  void SetUp() override { start_node(); }

  std::int64_t positions_of(const uuid& id, int attempt) {
    const auto events = journal(id);
    return std::count_if(events.begin(), events.end(), [&](const auto& event) { return event.attempt == attempt; });
  }

  /// Completed, with everything there once.
  void expect_completed(const uuid& id, const std::string& output) {
    EXPECT_EQ(status(id), task_status::completed);
    EXPECT_EQ(task(id).output, output);
    EXPECT_EQ(streamed(id, task(id).attempt), output);
    EXPECT_EQ(roles(id), "user assistant");
    expect_sound_journal(id);
    EXPECT_EQ(load().running, 0);
  }
};

} // namespace

// -- a supervisor dies --------------------------------------------------------

TEST_F(Recovery, ANewSupervisorRunsWhatTheOldOneHeld) {
  const auto first = execute("@delay=1000 one");
  const auto second = execute("@delay=1000 two");
  const auto waiting = execute_in(second, "three");
  advance(500ms);
  kill(peers()->supervisor);
  EXPECT_EQ(outcomes(first), "lost running");
  EXPECT_EQ(load().running, 2);
  advance(999ms);
  EXPECT_EQ(status(first), task_status::running);
  EXPECT_EQ(status(waiting), task_status::pending);
  advance(1ms);
  expect_completed(first, "Echo: one");
  expect_completed(second, "Echo: two");
  expect_completed(waiting, "Echo: three");
  EXPECT_EQ(outcomes(first), "lost completed");
  EXPECT_EQ(outcomes(waiting), "completed");
}

TEST_F(Recovery, LateWritesOfAnOldAttemptChangeNothing) {
  const auto id = execute("@pace=100 one two three four five");
  advance(150ms);
  const auto before = positions_of(id, 1);
  kill(peers()->supervisor);
  // The old actor lives on and is answered by the model; only `task:retrying` is journaled for its attempt.
  const auto lost = positions_of(id, 1);
  EXPECT_EQ(lost, before + 1);
  advance(1s);
  EXPECT_EQ(positions_of(id, 1), lost);
  expect_completed(id, "Echo: one two three four five");
  EXPECT_EQ(outcomes(id), "lost completed");
}

TEST_F(Recovery, AFencedActorHasItsStreamStopped) {
  const auto ticks = ticks_at_rest();
  const auto id = execute("@pace=1000 @words=3000");
  kill(peers()->supervisor);
  value_of(ask_supervisor(make_cancel(id)));
  EXPECT_EQ(ticks_at_rest(), ticks);
}

TEST_F(Recovery, ACrashOfTheSupervisorIsNoDifferent) {
  actor_fixture::TearDown();
  auto throws = std::make_shared<bool>(true);
  config_.supervisor.random = [throws]() -> double {
    if (std::exchange(*throws, false))
      throw std::runtime_error{"no luck"};
    return 0.5;
  };
  start_node();
  const auto old = peers()->supervisor;
  // Deciding about the failure kills the supervisor, which leaves the attempt unsettled.
  const auto id = execute("@fail=1:transient hello");
  EXPECT_NE(peers()->supervisor, old);
  expect_completed(id, "Echo: hello");
  EXPECT_EQ(outcomes(id), "lost completed");
}

TEST_F(Recovery, FailsATaskThatWasRecoveredTooOften) {
  const auto id = execute("@delay=60000 hello");
  for (int i = 0; i < config_.supervisor.max_recoveries; ++i)
    kill(peers()->supervisor);
  EXPECT_EQ(status(id), task_status::running);
  EXPECT_EQ(outcomes(id), "lost lost lost lost lost running");
  kill(peers()->supervisor);
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(task(id).error_kind, error_class::permanent);
  advance(2min);
  expect_sound_journal(id);
}

// -- the store refuses --------------------------------------------------------

TEST_F(Recovery, SettlesAFailureLaterWhenTheStoreIsUnavailable) {
  put_bot_named("slow", [](auto& bot) { bot.restart.delay = 5s; });
  faults_->befalls = once<fail_attempt>(fault::refused);
  const auto id = execute_with("slow", "@fail=1:transient hello");
  EXPECT_EQ(journal(id).back().type, event_type::chat_start);
  EXPECT_EQ(load().running, 1);
  advance(timeouts::settle_again);
  EXPECT_EQ(journal(id).back().type, event_type::task_retrying);
  EXPECT_EQ(load().running, 0);
  // The delay is that after the failure, not after its settling.
  advance(4s);
  expect_completed(id, "Echo: hello");
}

TEST_F(Recovery, GoesOnSettlingUntilTheStoreIsBack) {
  faults_->befalls = [](auto batch) { return holds<fail_attempt>(batch) ? fault::refused : fault::none; };
  const auto id = execute("@fail=1:permanent hello");
  advance(10min);
  EXPECT_EQ(status(id), task_status::running);
  faults_->befalls = [](auto) { return fault::none; };
  advance(timeouts::settle_again);
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(load().running, 0);
}

TEST_F(Recovery, AnAnswerThatCannotBeStoredIsATransientFailure) {
  faults_->befalls = once<complete_task>(fault::refused);
  const auto id = execute("hello");
  EXPECT_THAT(data_of(id, event_type::task_retrying), HasSubstr("The store did not answer"));
  advance(1s);
  expect_completed(id, "Echo: hello");
  EXPECT_EQ(outcomes(id), "failed completed");
}

TEST_F(Recovery, ClaimsAgainWhenAClaimWasRefused) {
  const auto supervisor = peers()->supervisor;
  faults_->befalls = once<claim_tasks>(fault::refused);
  const auto id = execute("hello");
  EXPECT_EQ(status(id), task_status::pending);
  advance(timeouts::settle_again);
  expect_completed(id, "Echo: hello");
  EXPECT_EQ(peers()->supervisor, supervisor);
}

TEST_F(Recovery, ClaimsNothingBeforeRecoveryIsStored) {
  const auto id = execute("@delay=1000 hello");
  faults_->befalls = [](auto batch) { return holds<recover_tasks>(batch) ? fault::refused : fault::none; };
  kill(peers()->supervisor);
  const auto other = execute("other");
  advance(10s);
  EXPECT_EQ(status(other), task_status::pending);
  faults_->befalls = [](auto) { return fault::none; };
  advance(timeouts::settle_again);
  EXPECT_EQ(status(other), task_status::completed);
  EXPECT_EQ(outcomes(id), "lost running");
  advance(1s);
  expect_completed(id, "Echo: hello");
}

// -- the store's answer is lost -----------------------------------------------

TEST_F(Recovery, AClaimOfUnknownOutcomeEndsTheSupervisorAndTheNextOneRecovers) {
  for (const auto fate : {fault::lost, fault::lost_after_commit}) {
    const auto before = peers();
    faults_->befalls = once<claim_tasks>(fate);
    const auto id = execute("hello");
    advance(timeouts::settle_again);
    EXPECT_NE(peers()->writer, before->writer);
    EXPECT_NE(peers()->supervisor, before->supervisor);
    expect_completed(id, "Echo: hello");
    EXPECT_EQ(outcomes(id), fate == fault::lost ? "completed" : "lost completed");
  }
}

TEST_F(Recovery, AFailureIsSettledOnceEvenIfItsFirstAnswerWasLost) {
  faults_->befalls = once<fail_attempt>(fault::lost_after_commit);
  const auto id = execute("@fail=1:transient hello");
  advance(1s + timeouts::settle_again);
  expect_completed(id, "Echo: hello");
  EXPECT_EQ(outcomes(id), "failed completed");
}

TEST_F(Recovery, AnAnswerIsStoredOnceEvenIfItsAcknowledgementWasLost) {
  faults_->befalls = once<complete_task>(fault::lost_after_commit);
  const auto id = execute("hello");
  advance(1min);
  expect_completed(id, "Echo: hello");
  EXPECT_EQ(outcomes(id), "completed");
}

TEST_F(Recovery, CapacityHoldsWhenATaskComesBackWhoseEndWasUnknown) {
  actor_fixture::TearDown();
  config_.supervisor.capacity = 3;
  start_node();
  put_bot_named("prompt", [](auto& bot) { bot.restart.delay = 500ms; });
  // Its failure is stored, and that it is was lost: the entry stays until it is settled again, in a second.
  faults_->befalls = once<fail_attempt>(fault::lost_after_commit);
  std::vector<uuid> ids{execute_with("prompt", "@fail=1:transient @delay=1000 hello")};
  for (int i = 0; i < 5; ++i) {
    auto command = make_task("@delay=1000 hello");
    command.task.run_at = wall_clock() + 1500ms;
    ids.push_back(execute(std::move(command)));
  }
  advance(1499ms);
  EXPECT_EQ(load().running, 1);
  // More work is announced while the claim that brings the task back is under way.
  faults_->befalls = [this](auto batch) {
    if (holds<claim_tasks>(batch))
      caf::anon_send(peers()->supervisor, work_arrived{});
    return fault::none;
  };
  advance(1ms);
  faults_->befalls = [](auto) { return fault::none; };
  EXPECT_EQ(load().running, 3);
  EXPECT_EQ(std::count_if(ids.begin(), ids.end(), [&](const uuid& id) { return status(id) == task_status::running; }),
            3);
  advance(3s);
  for (const auto& id : ids)
    expect_completed(id, "Echo: hello");
}

// -- a store that is away for long ------------------------------------------------

// Issue 10, row 10: a disk that is full for longer than a write waits is not the task's fault.
TEST_F(Recovery, AWriteThatWaitedTooLongChargesNothing) {
  put_bot_named("single", [](auto& bot) {
    bot.restart.max_attempts = 1;
    bot.timeout = 1h;
  });
  faults_->befalls = [&, over = false](std::span<const operation> batch) mutable {
    if (!holds<append_journal>(batch) || std::exchange(over, true))
      return fault::none;
    // The commit takes longer than anybody waits, and succeeds then.
    advance(timeouts::execution_write + 1s);
    return fault::none;
  };
  // Its answer takes longer than that too.
  const auto id = execute_with("single", "@pace=60000 a b c d e f g h i j k l m n o");
  advance(2h);
  expect_completed(id, "Echo: a b c d e f g h i j k l m n o");
  EXPECT_EQ(outcomes(id), "failed completed");
  EXPECT_THAT(attempts(id).at(0).error.value_or(""), HasSubstr("The store did not answer"));
}

TEST_F(Recovery, ADrainThatCannotBeStoredSaysSoToAllWhoWaitForIt) {
  const auto id = execute("@delay=600000 long");
  const auto first = ask<drained>(peers()->supervisor, drain{10min});
  run();
  EXPECT_TRUE(first->waits());
  faults_->befalls = [](auto) { return fault::refused; };
  const auto second = ask<drained>(peers()->supervisor, drain{0ms});
  advance(1ms);
  EXPECT_EQ(refusal_of(first), errc::unavailable);
  EXPECT_EQ(refusal_of(second), errc::unavailable);
  EXPECT_EQ(status(id), task_status::running) << "the next start finds it";
}

} // namespace troupe
