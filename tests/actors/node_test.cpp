#include "tests/actors/actor_fixture.hpp"

#include <gmock/gmock.h>

namespace troupe {

namespace {

using namespace std::chrono_literals;

class Node : public actor_fixture {
protected:
  void SetUp() override { start_node(); }

  /// Work that needs every service: claimed, answered by the model, retried at its time, read.
  void expect_work_goes_on() {
    const auto id = execute("@fail=1:transient @delay=100 hello");
    advance(2s);
    EXPECT_EQ(outcomes(id), "failed completed");
    for (const auto& reader : peers()->readers)
      EXPECT_EQ(value_of(ask<task_record>(reader, get_task{id})).output, "Echo: hello");
    expect_sound_journal(id);
  }

  /// Kills the service that `pick` names; the rest must stay who they are.
  template <class Pick>
  void kill_and_compare(Pick pick) {
    const auto before = peers();
    relinks_ = 0;
    kill(pick(*before));
    EXPECT_EQ(relinks_, 1);
    const auto after = peers();
    EXPECT_NE(pick(*before), pick(*after));
    int changed = 0;
    changed += before->broadcaster != after->broadcaster;
    changed += before->writer != after->writer;
    changed += before->readers[0] != after->readers[0];
    changed += before->readers[1] != after->readers[1];
    changed += before->models != after->models;
    changed += before->scheduler != after->scheduler;
    changed += before->supervisor != after->supervisor;
    EXPECT_EQ(changed, 1);
    expect_work_goes_on();
  }
};

} // namespace

TEST_F(Node, StartsTheBroadcasterAnew) {
  kill_and_compare([](const services& s) { return s.broadcaster; });
}

TEST_F(Node, StartsTheWriterAnew) {
  kill_and_compare([](const services& s) { return s.writer; });
}

TEST_F(Node, StartsAReaderAnew) {
  kill_and_compare([](const services& s) { return s.readers[0]; });
  kill_and_compare([](const services& s) { return s.readers[1]; });
}

TEST_F(Node, StartsTheModelsAnew) {
  kill_and_compare([](const services& s) { return s.models; });
}

TEST_F(Node, StartsTheSchedulerAnew) {
  kill_and_compare([](const services& s) { return s.scheduler; });
}

TEST_F(Node, StartsTheTaskSupervisorAnew) {
  kill_and_compare([](const services& s) { return s.supervisor; });
}

TEST_F(Node, ANewSchedulerIsToldWhatIsDue) {
  auto command = make_task("hello");
  command.task.run_at = wall_clock() + 30s;
  const auto id = execute(std::move(command));
  kill(peers()->scheduler);
  advance(30s);
  EXPECT_EQ(status(id), task_status::completed);
}

TEST_F(Node, TheDeathOfTheModelsIsATransientFailureAtMost) {
  const auto id = execute("@delay=1000 hello");
  caf::anon_send_exit(peers()->models, caf::exit_reason::user_shutdown);
  run();
  advance(3s);
  EXPECT_EQ(outcomes(id), "failed completed");
  expect_sound_journal(id);
}

TEST_F(Node, RunningTasksSurviveTheDeathOfTheBroadcaster) {
  const auto id = execute("@pace=100 one two three");
  advance(150ms);
  kill(peers()->broadcaster);
  advance(1s);
  EXPECT_EQ(outcomes(id), "completed");
  EXPECT_EQ(streamed(id), "Echo: one two three");
}

TEST_F(Node, RunningTasksSurviveTheDeathOfTheWriter) {
  const auto id = execute("@pace=100 one two three");
  advance(150ms);
  kill(peers()->writer);
  // The attempt knows the old handle only and fails at its next write; the next attempt knows the new one.
  advance(3s);
  EXPECT_EQ(outcomes(id), "failed completed");
  EXPECT_EQ(streamed(id, 2), "Echo: one two three");
  expect_sound_journal(id);
}

TEST_F(Node, StartsAnAddedServiceAnew) {
  int starts = 0;
  caf::actor added;
  add_to_node({"extra", [&](caf::actor_system& system, services_ptr now) {
                 EXPECT_TRUE(now->writer);
                 ++starts;
                 added = system.spawn(
                   [](caf::event_based_actor*) -> caf::behavior { return {[](const services_changed&) {}}; });
                 return added;
               }});
  EXPECT_EQ(starts, 1);
  kill(added);
  EXPECT_EQ(starts, 2);
  actor_fixture::TearDown();
  EXPECT_EQ(starts, 2);
}

TEST_F(Node, GivesUpPastItsRestartIntensity) {
  for (int i = 0; i < 10; ++i)
    kill(peers()->models);
  EXPECT_TRUE(given_up_.empty());
  expect_work_goes_on();
  kill(peers()->scheduler);
  ASSERT_EQ(given_up_.size(), 1U);
  EXPECT_THAT(given_up_.front(), testing::HasSubstr("scheduler"));
}

TEST_F(Node, BearsAnyNumberOfDeathsThatAreFarApart) {
  for (int i = 0; i < 30; ++i) {
    kill(peers()->models);
    advance(7s);
  }
  EXPECT_TRUE(given_up_.empty());
  expect_work_goes_on();
}

TEST_F(Node, StopEndsEveryServiceAndHoldsWhatIsAcknowledged) {
  const auto running = execute("@delay=60000 hello");
  actor_fixture::TearDown();
  EXPECT_EQ(status(running), task_status::running);
  // The next process takes it up.
  start_node();
  EXPECT_EQ(outcomes(running), "lost running");
  advance(1min);
  EXPECT_EQ(status(running), task_status::completed);
}

} // namespace troupe
