#include "tests/e2e/server_test.hpp"

/// `POST /tasks/{id}/execute`: waiting, not waiting, and the bot that answers.
namespace troupe {

using Execute = server_test;

TEST_F(Execute, AnswersAtOnceIfAskedTo) {
  const json task = create("@delay=60000 later");
  const auto reply = http().post(task_path(task) + "/execute", json::object(), {{"Prefer", "respond-async"}});
  EXPECT_EQ(reply.status, 202U) << reply.body;
  EXPECT_EQ(reply.document().at("id"), task.at("id"));
  EXPECT_FALSE(is_terminal_status(reply.document().at("status")));
  EXPECT_EQ(reply.header("Preference-Applied"), "respond-async");
  wait_for_status(task.at("id"), "RUNNING");
}

TEST_F(Execute, WaitsNoLongerThanPreferred) {
  const json task = create("@delay=60000 later");
  const auto reply = http().post(task_path(task) + "/execute", json::object(), {{"Prefer", "wait=1"}});
  EXPECT_EQ(reply.status, 202U) << reply.body;
  EXPECT_EQ(reply.document().at("status"), "RUNNING");
}

TEST_F(Execute, DoesNotWaitOnceTheTaskHasEnded) {
  const json task = create("soon");
  const auto reply = http().post(task_path(task) + "/execute", json::object(), {{"Prefer", "wait=30"}});
  EXPECT_EQ(reply.status, 200U) << reply.body;
  EXPECT_EQ(reply.document().at("status"), "COMPLETED");
}

TEST_F(Execute, GoesOnIfTheClientHangsUp) {
  const json task = create("@delay=300 patience");
  {
    http_client impatient{server().port(), 100ms};
    EXPECT_THROW(impatient.post(task_path(task) + "/execute"), boost::system::system_error);
  }
  EXPECT_EQ(wait_for_end(http(), task.at("id")).at("status"), "COMPLETED");
}

TEST_F(Execute, OfARunningTaskJoinsItInsteadOfRunningItTwice) {
  const json task = start_task("@delay=300 once");
  const auto reply = http().post(task_path(task) + "/execute");
  EXPECT_EQ(reply.status, 200U) << reply.body;
  EXPECT_EQ(reply.document().at("attempt"), 1);
  expect_whole(http(), reply.document());
}

TEST_F(Execute, OfAFinishedTaskIsAConflict) {
  const json task = run_task("Hello");
  expect_problem(http().post(task_path(task) + "/execute"), 409, "task_finished");
}

TEST_F(Execute, OfAnUnknownTaskIsNotFound) {
  expect_problem(http().post(task_path("0190a7a0-0000-7000-8000-000000000000") + "/execute"), 404, "not_found");
}

TEST_F(Execute, TellsOfAFailureWithTheTaskInside) {
  put_bot("quick");
  const json task = create("@fail=1:permanent no", {{"spec", {{"bot_name", "quick"}}}});
  const auto reply = http().post(task_path(task) + "/execute");
  expect_problem(reply, 500, "task_failed");
  EXPECT_EQ(reply.document().at("task").at("id"), task.at("id"));
  EXPECT_EQ(reply.document().at("task").at("status"), "FAILED");
  EXPECT_FALSE(reply.document().at("task").at("error").is_null());
}

TEST_F(Execute, TellsThatTheAwaitedTaskWasCancelled) {
  const json task = create("@delay=60000 never");
  http_client waiting{server().port()};
  http_reply reply;
  std::thread waiter{[&] { reply = waiting.post(task_path(task) + "/execute"); }};
  wait_for_status(task.at("id"), "RUNNING");
  http().post(task_path(task) + "/cancel");
  waiter.join();
  expect_problem(reply, 409, "task_cancelled");
  EXPECT_EQ(reply.document().at("task").at("status"), "CANCELLED");
}

// -- which bot ---------------------------------------------------------------------

TEST_F(Execute, TakesTheBotOfTheQueryBeforeThatOfTheSpec) {
  put_bot("of-query");
  put_bot("of-spec");
  const json task = create("Hello", {{"spec", {{"bot_name", "of-spec"}}}});
  EXPECT_EQ(task.at("bot"), "of-spec");
  const auto reply = http().post(task_path(task) + "/execute?bot_name=of-query");
  EXPECT_EQ(reply.status, 200U) << reply.body;
  EXPECT_EQ(reply.document().at("bot"), "of-query");
}

TEST_F(Execute, FindsTheBotThatABotRefNames) {
  ASSERT_EQ(http().put("/api/v1/bots/elsewhere?namespace=other", {{"model", "builtin"}}).status, 201U);
  const json task = create("Hello", {{"spec", {{"botRef", {{"name", "elsewhere"}, {"namespace", "other"}}}}}});
  EXPECT_EQ(task.at("bot"), "elsewhere");
  EXPECT_EQ(http().post(task_path(task) + "/execute").status, 200U);
}

TEST_F(Execute, LeavesATaskPendingWhoseBotIsInvalid) {
  const json task = create("Hello", {{"spec", {{"bot_name", "nobody"}}}});
  expect_problem(http().post(task_path(task) + "/execute"), 400, "bot_invalid");
  EXPECT_EQ(this->task(task.at("id")).at("status"), "PENDING");
  put_bot("nobody");
  EXPECT_EQ(http().post(task_path(task) + "/execute").status, 200U);
}

TEST_F(Execute, RefusesToQueueANewTaskWhoseBotIsInvalid) {
  const auto reply
    = http().post("/api/v1/tasks", {{"input", "Hello"}, {"execute", true}, {"spec", {{"bot_name", "x"}}}});
  expect_problem(reply, 400, "bot_invalid");
  EXPECT_TRUE(list_all(http(), "/api/v1/tasks").empty());
}

} // namespace troupe
