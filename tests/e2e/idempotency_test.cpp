#include "tests/e2e/server_test.hpp"

#include <set>
#include <thread>

/// `Idempotency-Key`: the same call can be made any number of times.
namespace troupe {

using Idempotency = server_test;

namespace {

header_list with_key(const std::string& key) {
  return {{"Idempotency-Key", key}};
}

} // namespace

TEST_F(Idempotency, ARepeatedCreationGivesTheSameTask) {
  const json body{{"input", "Hello"}};
  const auto first = http().post("/api/v1/tasks", body, with_key("a"));
  const auto second = http().post("/api/v1/tasks", body, with_key("a"));
  EXPECT_EQ(first.status, 201U);
  EXPECT_EQ(second.status, 201U) << second.body;
  EXPECT_EQ(first.document().at("id"), second.document().at("id"));
  EXPECT_EQ(first.header("Idempotency-Replayed"), "");
  EXPECT_EQ(second.header("Idempotency-Replayed"), "true");
  EXPECT_EQ(list_all(http(), "/api/v1/tasks").size(), 1U);
}

TEST_F(Idempotency, AKeyWithAnotherBodyIsAConflict) {
  http().post("/api/v1/tasks", {{"input", "Hello"}}, with_key("a"));
  expect_problem(http().post("/api/v1/tasks", {{"input", "Goodbye"}}, with_key("a")), 409, "idempotency_key_reused");
  EXPECT_EQ(list_all(http(), "/api/v1/tasks").size(), 1U);
}

TEST_F(Idempotency, AnotherKeyIsAnotherTask) {
  const json body{{"input", "Hello"}};
  EXPECT_NE(http().post("/api/v1/tasks", body, with_key("a")).document().at("id"),
            http().post("/api/v1/tasks", body, with_key("b")).document().at("id"));
}

TEST_F(Idempotency, SurvivesAKill) {
  const json body{{"input", "Hello"}};
  const auto first = http().post("/api/v1/tasks", body, with_key("a"));
  server().signal(SIGKILL);
  server().wait();
  start();
  EXPECT_EQ(http().post("/api/v1/tasks", body, with_key("a")).document().at("id"), first.document().at("id"));
}

TEST_F(Idempotency, HoldsForCallsAtTheSameTime) {
  const std::uint16_t port = server().port();
  std::mutex mutex;
  std::set<std::string> ids;
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      http_client mine{port};
      const auto reply = mine.post("/api/v1/tasks", {{"input", "once"}, {"execute", true}}, with_key("same"));
      const std::lock_guard guard{mutex};
      ids.insert(reply.document().at("id").get<std::string>());
    });
  }
  for (auto& caller : callers) {
    caller.join();
  }
  EXPECT_EQ(ids.size(), 1U);
  expect_whole(http(), wait_for_end(http(), *ids.begin()));
}

TEST_F(Idempotency, CoversRetryAndCancelToo) {
  put_bot("quick");
  const json task = run_task("@fail=1:permanent no", {{"spec", {{"bot_name", "quick"}}}});
  const auto first = http().post(task_path(task) + "/retry", json::object(), with_key("again"));
  ASSERT_EQ(first.status, 202U) << first.body;
  ASSERT_EQ(wait_for_end(http(), task.at("id")).at("status"), "COMPLETED");
  // A second retry would be an illegal transition; a repeated one is the same retry.
  EXPECT_EQ(http().post(task_path(task) + "/retry", json::object(), with_key("again")).status, 202U);
  EXPECT_EQ(this->task(task.at("id")).at("attempt"), 2);
  expect_problem(http().post(task_path(task) + "/cancel", json::object(), with_key("again")), 409,
                 "idempotency_key_reused");
}

} // namespace troupe
