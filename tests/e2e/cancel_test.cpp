#include "tests/e2e/server_test.hpp"
#include "tests/e2e/stream_clients.hpp"

#include <algorithm>

/// Cancelling, deleting, and the manual transitions of PATCH.
namespace troupe {

using Cancel = server_test;
using Delete = server_test;
using Patch = server_test;

constexpr auto unknown_id = "0190a7a0-0000-7000-8000-000000000000";

// -- cancel ------------------------------------------------------------------------

TEST_F(Cancel, StopsAStreamAndNothingFollows) {
  const json task = start_task("@words=5000 @pace=20");
  websocket_client watcher{server().port(), task_path(task) + "/chat?after=0"};
  watcher.until(of_type("chat:chunk"));
  const auto reply = http().post(task_path(task) + "/cancel");
  EXPECT_EQ(reply.status, 200U) << reply.body;
  EXPECT_EQ(reply.document().at("status"), "CANCELLED");
  watcher.until(of_type("task:cancelled"));
  // The answer to a ping comes behind everything that was sent before it.
  watcher.send({{"type", "ping"}});
  EXPECT_THAT(types_of(watcher.until(of_type("pong"))), testing::ElementsAre("pong"));

  const json cancelled = this->task(task.at("id"));
  const auto journal = journal_of(http(), task.at("id"));
  EXPECT_EQ(journal.back().at("type"), "task:cancelled");
  EXPECT_EQ(cancelled.at("output"), streamed_text(journal, 1)) << "the partial answer is kept";
  EXPECT_FALSE(cancelled.at("output").get<std::string>().empty());
  EXPECT_GT(cancelled.at("usage").at("output_tokens"), 0) << "what was used is kept";
  expect_whole(http(), cancelled);
}

TEST_F(Cancel, OfAPendingTaskNeedsNoAttempt) {
  const json task = create("never");
  EXPECT_EQ(http().post(task_path(task) + "/cancel").status, 200U);
  const json cancelled = this->task(task.at("id"));
  EXPECT_EQ(cancelled.at("status"), "CANCELLED");
  EXPECT_EQ(cancelled.at("attempt"), 0);
  expect_whole(http(), cancelled);
  expect_problem(http().post(task_path(task) + "/execute"), 409, "task_finished");
}

TEST_F(Cancel, OfATaskBetweenTwoAttemptsKeepsItFromRunningAgain) {
  put_bot("slow", {{"restart", {{"delay_ms", 60000}, {"max_delay_ms", 60000}}}});
  const json task = start_task("@fail=1:transient wait", {{"spec", {{"bot_name", "slow"}}}});
  wait_for_event(task.at("id"), "task:retrying");
  EXPECT_EQ(http().post(task_path(task) + "/cancel").document().at("status"), "CANCELLED");
  expect_whole(http(), this->task(task.at("id")));
}

TEST_F(Cancel, IsIdempotent) {
  const json task = start_task("@delay=60000 never");
  const auto first = http().post(task_path(task) + "/cancel");
  const auto second = http().post(task_path(task) + "/cancel");
  EXPECT_EQ(first.status, 200U);
  EXPECT_EQ(second.status, 200U) << second.body;
  EXPECT_EQ(first.document(), second.document());
  EXPECT_EQ(journal_of(http(), task.at("id")).back().at("type"), "task:cancelled");
}

TEST_F(Cancel, OfACompletedTaskIsAConflict) {
  expect_problem(http().post(task_path(run_task("Hello")) + "/cancel"), 409, "illegal_transition");
}

TEST_F(Cancel, OfAnUnknownTaskIsNotFound) {
  expect_problem(http().post(task_path(unknown_id) + "/cancel"), 404, "not_found");
}

TEST_F(Cancel, CanBeTakenBackByARetry) {
  const json task = start_task("@delay=300 again");
  wait_for_status(task.at("id"), "RUNNING");
  http().post(task_path(task) + "/cancel");
  EXPECT_EQ(http().post(task_path(task) + "/retry").status, 202U);
  EXPECT_EQ(wait_for_end(http(), task.at("id")).at("output"), "Echo: again");
}

TEST_F(Cancel, LetsTheNextTaskOfTheThreadRun) {
  const json first = start_task("@delay=60000 first");
  const json second = start_task("second", {{"thread_id", first.at("id")}});
  http().post(task_path(first) + "/cancel");
  EXPECT_EQ(wait_for_end(http(), second.at("id")).at("status"), "COMPLETED");
}

// -- delete ------------------------------------------------------------------------

TEST_F(Delete, HidesATaskForGood) {
  const json task = run_task("Hello");
  EXPECT_EQ(http().remove(task_path(task)).status, 204U);
  expect_problem(http().get(task_path(task)), 404, "not_found");
  expect_problem(http().remove(task_path(task)), 404, "not_found");
  EXPECT_TRUE(list_all(http(), "/api/v1/tasks").empty());
}

TEST_F(Delete, CancelsARunningTaskFirst) {
  const json task = start_task("@delay=60000 never");
  wait_for_status(task.at("id"), "RUNNING");
  websocket_client watcher{server().port(), task_path(task) + "/chat?after=0"};
  EXPECT_EQ(http().remove(task_path(task)).status, 204U);
  const auto types = types_of(watcher.until(of_type("task:deleted")));
  EXPECT_EQ(std::count(types.begin(), types.end(), "task:cancelled"), 1);
  expect_problem(http().get(task_path(task)), 404, "not_found");
}

TEST_F(Delete, OfAnUnknownTaskIsNotFound) {
  expect_problem(http().remove(task_path(unknown_id)), 404, "not_found");
}

// -- patch -------------------------------------------------------------------------

TEST_F(Patch, WalksATaskByHandToItsEnd) {
  const json task = create("by hand");
  const std::string path = task_path(task) + "/status";
  EXPECT_EQ(http().patch(path, {{"status", "RUNNING"}}).document().at("status"), "RUNNING");
  const auto done = http().patch(path, {{"status", "COMPLETED"}, {"output", "done by hand"}});
  EXPECT_EQ(done.status, 200U) << done.body;
  EXPECT_EQ(done.document().at("output"), "done by hand");
  EXPECT_EQ(journal_of(http(), task.at("id")).back().at("type"), "task:completed");
}

TEST_F(Patch, RefusesMovesThatAreNotLegal) {
  const json task = create("by hand");
  const std::string path = task_path(task) + "/status";
  expect_problem(http().patch(path, {{"status", "COMPLETED"}, {"output", "too soon"}}), 409, "illegal_transition");
  EXPECT_EQ(http().patch(path, {{"status", "FAILED"}, {"error", "given up"}}).status, 200U);
  for (const std::string status : {"PENDING", "RUNNING", "COMPLETED", "CANCELLED"}) {
    const auto reply = http().patch(path, {{"status", status}});
    EXPECT_GE(reply.status, 400U) << status;
  }
  EXPECT_EQ(this->task(task.at("id")).at("error"), "given up");
}

TEST_F(Patch, ToAnEndStopsWhoeverRunsTheTask) {
  const json task = start_task("@words=5000 @pace=20");
  wait_for_event(task.at("id"), "chat:chunk");
  EXPECT_EQ(http().patch(task_path(task) + "/status", {{"status", "FAILED"}, {"error", "enough"}}).status, 200U);
  const auto journal = journal_of(http(), task.at("id"));
  EXPECT_EQ(journal.back().at("type"), "task:failed");
  // Whatever the stopped actor still wanted to write is refused: the journal does not grow.
  EXPECT_EQ(run_task("another").at("status"), "COMPLETED");
  EXPECT_EQ(journal_of(http(), task.at("id")), journal);
}

} // namespace troupe
