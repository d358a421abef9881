#include "tests/cluster/cluster_test.hpp"

#include <algorithm>
#include <map>

/// Work finds nodes that have room for it, and a cancel finds the node that runs a task.
namespace troupe {

using Work = cluster_test;

TEST_F(Work, StartsAtOnceOnAnIdleWorker) {
  start({.gateways = 1, .workers = 2});
  series starts;
  for (int i = 0; i < 30; ++i) {
    const std::string id = start_task("Hello").at("id");
    wait_for_end_of(id);
    const auto queued = time_of(id, "task:queued", 0);
    const auto started = time_of(id, "task:started", 1);
    ASSERT_TRUE(queued && started) << json(journal(id));
    starts.add(*started - *queued);
  }
  show_figure("from a task's creation at a gateway to its start on a worker", starts);
  EXPECT_LT(starts.median(), 500.0);
}

TEST_F(Work, IsTakenUpByANodeThatJoins) {
  start({.gateways = 1, .workers = 1}, {{"--capacity", "4"}});
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) {
    ids.push_back(start_task("@delay=400 a part").at("id"));
  }
  nodes().add("w2", "worker");
  const auto ready_at = now();
  std::map<std::string, int> by_node;
  series first;
  for (const auto& id : ids) {
    const std::string by = wait_for_end_of(id).at("node");
    if (by == "w2" && ++by_node[by] == 1) {
      first.add(time_of(id, "task:started", 1).value() - ready_at);
    }
  }
  show_figure("from a node's readiness to its first task", first);
  show_figure("tasks of 40 that the joining node ran", std::to_string(by_node["w2"]));
  EXPECT_GT(by_node["w2"], 8);
  EXPECT_LT(first.worst(), 3000.0);
}

TEST_F(Work, SpreadsOverAllNodesThatHaveRoom) {
  start({.gateways = 1, .workers = 3}, {{"--capacity", "4"}});
  std::map<std::string, int> by_node;
  std::vector<std::string> ids;
  for (int i = 0; i < 12; ++i) {
    ids.push_back(start_task("@delay=2000 at the same time").at("id"));
  }
  EXPECT_TRUE(eventually([&] {
    http_client http{nodes().any_port()};
    return http.get("/api/v1/queue").document().at("totals").at("running") == 12;
  }))
    << "there is room, and tasks wait";
  for (const auto& id : ids) {
    ++by_node[task(id).at("node")];
  }
  EXPECT_EQ(by_node, (std::map<std::string, int>{{"w1", 4}, {"w2", 4}, {"w3", 4}}));
}

TEST_F(Work, IsCancelledAtAnyGatewayWhereverItRuns) {
  start({.gateways = 2, .workers = 2});
  series answers;
  series stops;
  for (int i = 0; i < 10; ++i) {
    const auto& gateway = *nodes().gateways()[static_cast<std::size_t>(i) % 2];
    const std::string id = start_task("@delay=60000 never").at("id");
    const std::string runs_on = wait_for_status(id, "RUNNING").at("node");
    const auto& worker = nodes().at(runs_on);
    ASSERT_TRUE(eventually([&] { return worker.metric("troupe_tasks_running") == 1; }));
    http_client http{gateway.port()};
    const auto asked = std::chrono::steady_clock::now();
    const auto reply = http.post(task_path(id) + "/cancel");
    answers.add(std::chrono::steady_clock::now() - asked);
    EXPECT_EQ(reply.status, 200U) << reply.body;
    EXPECT_EQ(reply.document().at("status"), "CANCELLED");
    EXPECT_TRUE(eventually([&] { return worker.metric("troupe_tasks_running") == 0; })) << "it runs on";
    stops.add(std::chrono::steady_clock::now() - asked);
    expect_sound(id);
  }
  show_figure("a cancel is answered", answers);
  show_figure("a cancel has stopped the task on its worker", stops);
  EXPECT_LT(stops.worst(), 2000.0);
}

TEST_F(Work, IsCancelledWithoutLinksToo) {
  start({.gateways = 1, .workers = 1}, {{"--node-links", "off"}});
  const std::string id = start_task("@words=5000 @pace=20").at("id");
  wait_for_status(id, "RUNNING");
  const auto& worker = nodes().at("w1");
  http_client http{nodes().any_port()};
  const auto asked = std::chrono::steady_clock::now();
  EXPECT_EQ(http.post(task_path(id) + "/cancel").status, 200U);
  const auto before = journal(id);
  EXPECT_EQ(before.back().at("type"), "task:cancelled");
  EXPECT_TRUE(eventually([&] { return worker.metric("troupe_tasks_running") == 0; })) << "it runs on";
  series stop;
  stop.add(std::chrono::steady_clock::now() - asked);
  show_figure("a cancel has stopped the task on its worker, without links", stop);
  EXPECT_LT(stop.worst(), static_cast<double>((lease_time + 3s).count()));
  EXPECT_EQ(journal(id), before) << "something was written after the cancel";
}

} // namespace troupe
