#include "tests/actors/actor_fixture.hpp"

#include <algorithm>

namespace troupe {

namespace {

using namespace std::chrono_literals;

class Writer : public actor_fixture {
protected:
  void SetUp() override {
    start_node();
    faults_->commits.clear();
  }

  /// Not to be executed, so that one commit is all that comes of it.
  create_task make_note(std::string input) {
    auto command = make_task(std::move(input));
    command.execute = false;
    return command;
  }

  /// The sizes of the commits so far.
  [[nodiscard]] std::vector<std::size_t> sizes() const {
    std::vector<std::size_t> found;
    for (const auto& types : faults_->commits)
      found.push_back(types.size());
    return found;
  }
};

} // namespace

TEST_F(Writer, WhatWaitsTogetherIsOneCommit) {
  std::vector<std::shared_ptr<answer<task_result>>> asked;
  for (int i = 0; i < 5; ++i)
    asked.push_back(ask_writer(make_note("note")));
  run();
  EXPECT_EQ(sizes(), std::vector<std::size_t>{5});
  for (const auto& one : asked)
    EXPECT_EQ(story(value_of(one).task.id), "task:created");
}

TEST_F(Writer, WhatArrivesDuringACommitSharesTheNextOne) {
  std::vector<std::shared_ptr<answer<task_result>>> late;
  bool first = true;
  faults_->befalls = [&](auto) {
    if (std::exchange(first, false))
      for (int i = 0; i < 3; ++i)
        late.push_back(ask_writer(make_note("late")));
    return fault::none;
  };
  const auto early = ask_writer(make_note("early"));
  run();
  EXPECT_EQ(sizes(), (std::vector<std::size_t>{1, 3}));
  EXPECT_EQ(task(value_of(early).task.id).input, "early");
  for (const auto& one : late)
    EXPECT_EQ(task(value_of(one).task.id).input, "late");
}

TEST_F(Writer, CommitsNoMoreThanAThousandOperationsAtOnce) {
  std::vector<std::shared_ptr<answer<done>>> asked;
  for (int i = 0; i < 2100; ++i)
    asked.push_back(ask_writer(clean_up{wall_clock()}));
  run();
  EXPECT_EQ(sizes(), (std::vector<std::size_t>{1000, 1000, 100}));
  EXPECT_TRUE(std::all_of(asked.begin(), asked.end(), [](const auto& one) { return one->value.has_value(); }));
}

TEST_F(Writer, ARefusedOperationFailsAlone) {
  const auto before = ask_writer(make_note("before"));
  const auto refused = ask_writer(make_cancel(make_uuid()));
  const auto after = ask_writer(make_note("after"));
  EXPECT_EQ(refusal_of(refused), errc::not_found);
  EXPECT_EQ(sizes(), std::vector<std::size_t>{3});
  EXPECT_EQ(task(value_of(before).task.id).input, "before");
  EXPECT_EQ(task(value_of(after).task.id).input, "after");
}

TEST_F(Writer, AnUnavailableStoreIsSaidToAllAndTheWriterLivesOn) {
  const auto writer = peers()->writer;
  faults_->befalls = once<create_task>(fault::refused);
  const auto one = ask_writer(make_note("one"));
  const auto two = ask_writer(make_note("two"));
  EXPECT_EQ(refusal_of(one), errc::unavailable);
  EXPECT_EQ(refusal_of(two), errc::unavailable);
  EXPECT_EQ(task(value_of(ask_writer(make_note("three"))).task.id).input, "three");
  EXPECT_EQ(peers()->writer, writer);
}

TEST_F(Writer, ItsDeathAnswersThoseWhoWait) {
  const auto writer = peers()->writer;
  std::shared_ptr<answer<task_result>> behind;
  faults_->befalls = [&, over = false](auto) mutable {
    if (std::exchange(over, true))
      return fault::none;
    behind = ask_writer(make_note("in the mailbox when it dies"));
    return fault::lost;
  };
  const auto one = ask_writer(make_note("one"));
  const auto two = ask_writer(make_note("two"));
  run();
  for (const auto& asked : {one, two, behind}) {
    ASSERT_TRUE(asked->error);
    EXPECT_EQ(to_store_error(*asked->error).code, errc::unavailable);
  }
  EXPECT_NE(peers()->writer, writer);
  EXPECT_EQ(task(value_of(ask_writer(make_note("three"))).task.id).input, "three");
}

TEST_F(Writer, WhatIsOnDiskStaysThoughItsAnswerWasLost) {
  auto command = make_note("kept");
  const auto id = command.task.id;
  faults_->befalls = once<create_task>(fault::lost_after_commit);
  const auto asked = ask_writer(std::move(command));
  run();
  EXPECT_TRUE(asked->error);
  EXPECT_EQ(task(id).input, "kept");
}

TEST_F(Writer, CommitsWhatItHasTakenBeforeItEnds) {
  const auto asked = ask_writer(make_note("last"));
  // The one who asks sends its request. The end comes behind that, and before the commit that it makes the writer
  // ask itself for.
  static_cast<caf::scheduler::test_coordinator&>(system_.scheduler()).run_once();
  caf::anon_send_exit(peers()->writer, caf::exit_reason::user_shutdown);
  EXPECT_EQ(task(value_of(asked).task.id).input, "last");
}

TEST_F(Writer, ARepeatedKeyIsAnsweredWithTheFirstResult) {
  auto command = make_note("once");
  command.key = idempotency_key{"key", "print"};
  auto again = command;
  again.task.id = again.task.thread_id = make_uuid();
  auto other = again;
  other.key->fingerprint = "another";
  const auto first = ask_writer(std::move(command));
  const auto second = ask_writer(std::move(again));
  const auto third = ask_writer(std::move(other));
  EXPECT_EQ(value_of(first).task.id, value_of(second).task.id);
  EXPECT_TRUE(value_of(second).replayed);
  EXPECT_EQ(refusal_of(third), errc::key_reused);
}

} // namespace troupe
