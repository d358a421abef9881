#include "tests/e2e/server_test.hpp"

#include <algorithm>

/// Attempts that fail, and what the bot's restart policy makes of them.
namespace troupe {

using testing::ElementsAre;

class Failure : public server_test {
protected:
  /// Runs `input` by a bot with up to three attempts, 20 ms apart.
  json run(const std::string& input) {
    put_bot("quick");
    return run_task(input, {{"spec", {{"bot_name", "quick"}}}});
  }

  std::vector<json> attempts(const json& task) { return list_all(http(), task_path(task) + "/attempts"); }

  std::vector<std::string> outcomes(const json& task) {
    std::vector<std::string> all;
    for (const auto& attempt : attempts(task)) {
      all.push_back(attempt.at("outcome"));
    }
    return all;
  }

  std::vector<json> events(const json& task, const std::string& type) {
    auto journal = journal_of(http(), task.at("id"));
    std::erase_if(journal, [&](const json& entry) { return entry.at("type") != type; });
    return journal;
  }
};

TEST_F(Failure, ThatIsTransientIsAnsweredByFurtherAttempts) {
  const json task = run("@fail=2:transient third time lucky");
  EXPECT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_EQ(task.at("output"), "Echo: third time lucky");
  EXPECT_EQ(task.at("attempt"), 3);
  EXPECT_THAT(outcomes(task), ElementsAre("failed", "failed", "completed"));
  const auto retries = events(task, "task:retrying");
  ASSERT_EQ(retries.size(), 2U);
  EXPECT_EQ(retries[0].at("data").at("error_class"), "transient");
  EXPECT_FALSE(retries[0].at("data").at("error").get<std::string>().empty());
  EXPECT_FALSE(retries[0].at("data").at("next_attempt_at").get<std::string>().empty());
  expect_whole(http(), task);
}

TEST_F(Failure, ThatIsPermanentEndsTheTaskAtOnce) {
  const json task = run("@fail=1:permanent no");
  EXPECT_EQ(task.at("status"), "FAILED");
  EXPECT_EQ(task.at("attempt"), 1);
  EXPECT_FALSE(task.at("error").get<std::string>().empty());
  const auto failed = events(task, "task:failed");
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].at("data").at("error_class"), "permanent");
  expect_whole(http(), task);
}

TEST_F(Failure, ThatNeverEndsExhaustsTheAttempts) {
  const json task = run("@fail=99:transient never");
  EXPECT_EQ(task.at("status"), "FAILED");
  EXPECT_EQ(task.at("attempt"), 3);
  EXPECT_THAT(outcomes(task), ElementsAre("failed", "failed", "failed"));
  const auto failed = events(task, "task:failed");
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].at("data").at("attempts"), 3);
  expect_whole(http(), task);
}

TEST_F(Failure, OfAnActorThatThrowsIsJustAnotherFailure) {
  const json task = run("@fail=1:crash up again");
  EXPECT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_EQ(task.at("output"), "Echo: up again");
  EXPECT_THAT(outcomes(task), ElementsAre("failed", "completed"));
  EXPECT_EQ(events(task, "task:retrying").at(0).at("data").at("error_class"), "transient");
  expect_whole(http(), task);
}

TEST_F(Failure, ByThrottlingUsesUpNoAttempt) {
  put_bot("once", {{"restart", {{"max_attempts", 1}}}});
  const json task = run_task("@fail=2:throttled patience", {{"spec", {{"bot_name", "once"}}}});
  EXPECT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_EQ(task.at("attempt"), 3);
  const auto retries = events(task, "task:retrying");
  ASSERT_EQ(retries.size(), 2U);
  EXPECT_EQ(retries[0].at("data").at("error_class"), "throttled");
  expect_whole(http(), task);
}

TEST_F(Failure, KeepsTheUsageOfEveryAttempt) {
  const json task = run("@fail=2:transient counted");
  const auto all = attempts(task);
  ASSERT_EQ(all.size(), 3U);
  std::int64_t sum = 0;
  for (const auto& attempt : all) {
    sum += attempt.at("usage").at("input_tokens").get<std::int64_t>();
  }
  EXPECT_EQ(task.at("usage").at("input_tokens"), sum);
}

TEST_F(Failure, WaitsForItsDelayInTheQueue) {
  put_bot("slow", {{"restart", {{"delay_ms", 60000}, {"max_delay_ms", 60000}}}});
  const json task = start_task("@fail=1:transient wait", {{"spec", {{"bot_name", "slow"}}}});
  wait_for_event(task.at("id"), "task:retrying");
  EXPECT_EQ(this->task(task.at("id")).at("status"), "RUNNING") << "RUNNING spans all attempts";
  EXPECT_EQ(http().get("/api/v1/queue").document().at("totals").at("retrying"), 1);
}

TEST_F(Failure, OfOneTaskLeavesTheOthersAlone) {
  put_bot("quick");
  std::vector<std::string> good;
  for (int i = 0; i < 20; ++i) {
    start_task("@fail=9:crash bad", {{"spec", {{"bot_name", "quick"}}}});
    good.push_back(start_task("good").at("id"));
  }
  for (const auto& id : good) {
    EXPECT_EQ(wait_for_end(http(), id).at("status"), "COMPLETED");
  }
}

// -- a user's retry ------------------------------------------------------------------

TEST_F(Failure, CanBeRetriedByTheUserAsANewRun) {
  const json failed = run("@fail=3:transient fourth");
  ASSERT_EQ(failed.at("status"), "FAILED");
  const auto reply = http().post(task_path(failed) + "/retry");
  EXPECT_EQ(reply.status, 202U) << reply.body;
  const json task = wait_for_end(http(), failed.at("id"));
  EXPECT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_EQ(task.at("attempt"), 4);
  EXPECT_TRUE(task.at("error").is_null());

  const auto journal = journal_of(http(), failed.at("id"));
  EXPECT_EQ(std::count_if(journal.begin(), journal.end(), is_terminal_event), 2);
  const auto reopened = std::find_if(journal.begin(), journal.end(), [](const json& entry) {
    return entry.at("type") == "task:queued" && entry.at("data").value("retry", false);
  });
  EXPECT_NE(reopened, journal.end()) << "the journal says that it was opened again";
  const auto messages = list_all(http(), task_path(failed) + "/messages");
  EXPECT_EQ(messages.size(), 2U) << "one question and one answer, however many runs";
}

TEST_F(Failure, IsTheOnlyEndThatCanBeRetried) {
  const json completed = run_task("Hello");
  expect_problem(http().post(task_path(completed) + "/retry"), 409, "illegal_transition");
  const json pending = create("Hello");
  expect_problem(http().post(task_path(pending) + "/retry"), 409, "illegal_transition");
}

} // namespace troupe
