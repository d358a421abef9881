#include "tests/cluster/cluster_test.hpp"

#include <algorithm>

/// SIGKILL: of workers, of gateways, of everybody at once.
namespace troupe {

class KilledNodes : public cluster_test {
protected:
  /// Starts six long tasks, kills the worker that runs most of them, and returns how long
  /// after the kill each of them was started elsewhere.
  series take_over();
};

series KilledNodes::take_over() {
  std::vector<std::string> ids;
  std::map<std::string, std::vector<std::string>> by_node;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(start_task("@delay=1500 interrupted").at("id"));
  }
  for (const auto& id : ids) {
    by_node[wait_for_status(id, "RUNNING").at("node")].push_back(id);
  }
  const auto most = std::max_element(by_node.begin(), by_node.end(),
                                     [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  const auto killed_at = now();
  nodes().at(most->first).kill();
  series times;
  for (const auto& id : most->second) {
    EXPECT_EQ(wait_for_end_of(id).at("status"), "COMPLETED");
    expect_sound(id);
    const auto started = time_of(id, "task:started", 2);
    EXPECT_TRUE(started) << json(journal(id));
    if (started) {
      times.add(*started - killed_at);
    }
  }
  return times;
}

// -- under load ---------------------------------------------------------------------

TEST_F(KilledNodes, LoseAndDoubleNothingIfTheyAreWorkers) {
  start({.gateways = 2, .workers = 3});
  int kills = 0;
  const auto result = under_load({}, [&](stage& scene) {
    node* missing = nullptr;
    while (scene.goes_on()) {
      scene.await_some_tasks();
      node& victim = scene.any_of(nodes().workers());
      // One is missing at any time: what it ran is taken over, not taken up again by itself.
      if (missing != nullptr) {
        missing->start();
      }
      victim.kill();
      missing = &victim;
      ++kills;
    }
    missing->start();
  });
  show_figure("kills of workers", std::to_string(kills));
  EXPECT_GT(result.lost_attempts, 0U) << "the load was too light to prove anything";
}

TEST_F(KilledNodes, LoseAndDoubleNothingIfTheyAreGateways) {
  start({.gateways = 3, .workers = 2});
  int kills = 0;
  const auto result = under_load({}, [&](stage& scene) {
    while (scene.goes_on()) {
      scene.await_some_tasks();
      node& victim = scene.any_of(nodes().gateways());
      victim.kill();
      scene.await_some_tasks();
      victim.start();
      ++kills;
    }
  });
  show_figure("kills of gateways", std::to_string(kills));
  EXPECT_EQ(result.lost_attempts, 0U) << "a gateway runs no tasks";
  EXPECT_GT(result.calls.interrupted + result.calls.refused, 0U) << "the load was too light to prove anything";
}

TEST_F(KilledNodes, LoseAndDoubleNothingIfTheyAreAllOfThem) {
  start({.all = 3});
  int kills = 0;
  const auto result = under_load({}, [&](stage& scene) {
    while (scene.goes_on()) {
      scene.await_tasks(40 + scene.random()() % 60);
      for (auto* victim : nodes().nodes()) {
        victim->kill();
      }
      for (auto* victim : nodes().nodes()) {
        victim->start();
      }
      ++kills;
    }
  });
  show_figure("kills of all nodes at once", std::to_string(kills));
  EXPECT_GT(result.lost_attempts, 0U) << "the load was too light to prove anything";
}

// -- how soon -----------------------------------------------------------------------

TEST_F(KilledNodes, AreReplacedWithinTwoSecondsWhereLinksReportTheirDeath) {
  // With a lease as long as it is by default, it cannot be the lease that tells.
  start({.gateways = 1, .workers = 2}, {{"--lease-time", "10s"}});
  const auto times = take_over();
  show_figure("taken over by link after a kill", times);
  EXPECT_GT(times.size(), 0U);
  EXPECT_LT(times.worst(), 2000.0);
}

TEST_F(KilledNodes, AreReplacedOnceTheirLeaseHasRunOutWhereThereAreNoLinks) {
  start({.gateways = 1, .workers = 2}, {{"--node-links", "off"}});
  const auto times = take_over();
  show_figure("taken over by lease (" + std::to_string(lease_time.count()) + " ms) after a kill", times);
  EXPECT_GT(times.size(), 0U);
  EXPECT_LT(times.worst(), static_cast<double>((lease_time + 2s).count()));
}

} // namespace troupe
