#include "tests/e2e/server_test.hpp"

#include <algorithm>
#include <array>
#include <ctime>

/// The queue: what runs when, and what waits for what.
namespace troupe {

using Queue = server_test;

namespace {

std::string rfc3339(std::chrono::system_clock::time_point at) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%FT%TZ", &utc);
  return text.data();
}

json queue_totals(http_client& http) {
  return http.get("/api/v1/queue").document().at("totals");
}

} // namespace

TEST_F(Queue, RunsTheTasksOfAThreadInOrderAndOneAtATime) {
  const json first = start_task("@delay=50 0");
  std::vector<std::string> ids{first.at("id")};
  for (int i = 1; i < 5; ++i) {
    ids.push_back(start_task("@delay=50 " + std::to_string(i), {{"thread_id", first.at("id")}}).at("id"));
  }
  std::string previous_end;
  for (const auto& id : ids) {
    const json task = wait_for_end(http(), id);
    EXPECT_EQ(task.at("thread_id"), first.at("id"));
    EXPECT_LE(previous_end, task.at("started_at").get<std::string>()) << "started before its predecessor had ended";
    previous_end = task.at("completed_at");
  }
  const auto messages = list_all(http(), "/api/v1/threads/" + ids[0] + "/messages");
  ASSERT_EQ(messages.size(), 10U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(messages[2 * i + 1].at("content"), "Echo: " + std::to_string(i));
  }
}

TEST_F(Queue, GoesOnWithAThreadWhoseTaskFailed) {
  const json first = start_task("@fail=1:permanent first");
  const json second = start_task("second", {{"thread_id", first.at("id")}});
  EXPECT_EQ(wait_for_end(http(), first.at("id")).at("status"), "FAILED");
  EXPECT_EQ(wait_for_end(http(), second.at("id")).at("status"), "COMPLETED");
}

TEST_F(Queue, HoldsATaskUntilItsTime) {
  const auto due = std::chrono::system_clock::now() + 2s;
  const json task = start_task("on time", {{"run_at", rfc3339(due)}});
  EXPECT_EQ(task.at("status"), "PENDING");
  EXPECT_EQ(queue_totals(http()).at("scheduled"), 1);
  const json done = wait_for_end(http(), task.at("id"));
  EXPECT_EQ(done.at("status"), "COMPLETED");
  EXPECT_GE(done.at("started_at").get<std::string>(), done.at("run_at").get<std::string>());
}

TEST_F(Queue, PutsTheMoreUrgentFirst) {
  start({"--capacity", "1"});
  const json blocker = start_task("@delay=500 blocker");
  wait_for_status(blocker.at("id"), "RUNNING");
  std::vector<json> tasks;
  for (const int priority : {0, 5, -5, 10}) {
    tasks.push_back(start_task("@delay=1 next", {{"priority", priority}}));
  }
  for (auto& task : tasks) {
    task = wait_for_end(http(), task.at("id"));
  }
  std::sort(tasks.begin(), tasks.end(), [](const json& a, const json& b) {
    return a.at("started_at").get<std::string>() < b.at("started_at").get<std::string>();
  });
  std::vector<int> order;
  for (const auto& task : tasks) {
    order.push_back(task.at("priority"));
  }
  EXPECT_THAT(order, testing::ElementsAre(10, 5, 0, -5));
}

TEST_F(Queue, RunsNoMoreThanItsCapacityAtOnce) {
  start({"--capacity", "2"});
  std::vector<std::string> ids;
  for (int i = 0; i < 8; ++i) {
    ids.push_back(start_task("@delay=100 work").at("id"));
  }
  std::vector<std::pair<std::string, int>> changes;
  for (const auto& id : ids) {
    const json task = wait_for_end(http(), id);
    changes.emplace_back(task.at("started_at"), 1);
    changes.emplace_back(task.at("completed_at"), -1);
  }
  // At equal times an end counts before a start.
  std::sort(changes.begin(), changes.end());
  int running = 0;
  int most = 0;
  for (const auto& [at, change] : changes) {
    running += change;
    most = std::max(most, running);
  }
  EXPECT_EQ(most, 2);
}

TEST_F(Queue, RunsTwoHundredSlowTasksTogether) {
  http();
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::string> ids;
  for (int i = 0; i < 200; ++i) {
    ids.push_back(start_task("@delay=1000 slow").at("id"));
  }
  for (const auto& id : ids) {
    EXPECT_EQ(wait_for_end(http(), id).at("status"), "COMPLETED");
  }
  // One after the other they would take 200 s.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
}

TEST_F(Queue, TellsWhatWaitsForWhat) {
  start({"--capacity", "1"});
  const json first = start_task("@delay=60000 first");
  wait_for_status(first.at("id"), "RUNNING");
  start_task("behind it", {{"thread_id", first.at("id")}});
  start_task("no room");
  start_task("tomorrow", {{"run_at", rfc3339(std::chrono::system_clock::now() + 24h)}});
  const json totals = queue_totals(http());
  for (const std::string state : {"running", "blocked", "ready", "scheduled"}) {
    EXPECT_EQ(totals.at(state), 1) << state << " in " << totals;
  }
  EXPECT_FALSE(totals.at("oldest_due").is_null());
}

TEST_F(Queue, OfAnIdleServerIsEmpty) {
  run_task("Hello");
  const json queue = http().get("/api/v1/queue").document();
  EXPECT_TRUE(queue.at("namespaces").empty()) << queue;
  EXPECT_EQ(queue.at("totals").at("running"), 0);
}

TEST_F(Queue, KeepsWhatWaitsAcrossAKill) {
  start({"--capacity", "1"});
  const json running = start_task("@delay=300 running");
  wait_for_status(running.at("id"), "RUNNING");
  std::vector<std::string> ids{running.at("id")};
  for (int i = 0; i < 10; ++i) {
    ids.push_back(start_task("waiting").at("id"));
  }
  server().signal(SIGKILL);
  server().wait();
  start();
  for (const auto& id : ids) {
    const json task = wait_for_end(http(), id);
    EXPECT_EQ(task.at("status"), "COMPLETED");
    expect_whole(http(), task);
  }
}

} // namespace troupe
