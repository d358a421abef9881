#include "tests/cluster/cluster_test.hpp"
#include "tests/cluster/private_network.hpp"

/// The network between a node and the database, and between nodes, falls silent.
namespace troupe {

class CutNodes : public cluster_test {
protected:
  /// Kills and restarts one worker in the middle of a load.
  load_result kill_one_under_load() {
    return under_load({.inputs = long_inputs()}, [&](stage& scene) {
      // Without links a worker looks for work once a second.
      scene.await_tasks(100);
      node& victim = scene.busiest_of(nodes().workers());
      victim.kill();
      while (scene.goes_on()) {
        scene.await_some_tasks();
      }
      victim.start();
    });
  }
};

// -- the database -------------------------------------------------------------------

TEST_F(CutNodes, FromTheDatabaseAreReplacedAndComeBack) {
  start({.all = 3});
  const auto result = under_load({.length = load_time(1s), .inputs = long_inputs()}, [&](stage& scene) {
    do {
      scene.await_some_tasks();
      node& victim = scene.busiest_of(nodes().nodes());
      const auto pid = victim.pid();
      victim.database_link().cut();
      EXPECT_TRUE(eventually([&] { return victim.readiness() == 503; })) << "it believes to be ready";
      // Long enough for the others to take its tasks over. What it sent before arrives later.
      let_pass(3 * lease_time);
      victim.database_link().heal();
      const auto healed = std::chrono::steady_clock::now();
      EXPECT_TRUE(eventually([&] { return victim.readiness() == 200; })) << "it does not come back";
      series back;
      back.add(std::chrono::steady_clock::now() - healed);
      show_figure("ready after the way to the database is open again", back);
      EXPECT_LT(back.worst(), 5000.0);
      EXPECT_EQ(victim.pid(), pid);
      scene.await_some_tasks();
    } while (scene.goes_on());
  });
  EXPECT_GT(result.lost_attempts, 0U) << "the load was too light to prove anything";
}

TEST_F(CutNodes, WhoseConnectionsAreResetGoOn) {
  start({.all = 3});
  under_load({.length = load_time(3s)}, [&](stage& scene) {
    while (scene.goes_on()) {
      scene.await_some_tasks();
      scene.any_of(nodes().nodes()).database_link().reset();
    }
  });
}

// -- links --------------------------------------------------------------------------

TEST_F(CutNodes, WithoutAnyLinksDoTheSameByTheDatabaseAlone) {
  start({.gateways = 2, .workers = 2}, {{"--node-links", "off"}});
  const auto result = kill_one_under_load();
  EXPECT_GT(result.lost_attempts, 0U) << "the load was too light to prove anything";
}

TEST_F(CutNodes, WhoseLinksFallSilentCostLatencyOnly) {
  if (!private_network::is_allowed()) {
    GTEST_SKIP() << "NOT TESTED: this machine lets nobody make a network namespace, so links cannot be cut silently";
  }
  private_network network;
  start_empty();
  int number = 0;
  for (const auto& [name, role] : std::vector<std::pair<std::string, std::string>>{
         {"g1", "gateway"}, {"g2", "gateway"}, {"w1", "worker"}, {"w2", "worker"}}) {
    nodes().add(name, role, {{"--node-host", private_network::link_address(++number)}});
  }
  become_ready();
  under_load({}, [&](stage& scene) {
    scene.await_some_tasks();
    network.cut_links();
    while (scene.goes_on()) {
      scene.await_some_tasks();
    }
    network.heal_links();
    scene.await_some_tasks();
  });
}

} // namespace troupe
