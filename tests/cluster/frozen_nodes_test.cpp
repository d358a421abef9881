#include "tests/cluster/cluster_test.hpp"

/// SIGSTOP for longer than a lease, and SIGCONT: the node believes that no time has passed.
namespace troupe {

using FrozenNodes = cluster_test;

TEST_F(FrozenNodes, WriteNothingMoreOnceTheyGoOn) {
  start({.all = 3});
  const auto result = under_load({.length = load_time(1s), .inputs = long_inputs()}, [&](stage& scene) {
    do {
      scene.await_some_tasks();
      node& victim = scene.busiest_of(nodes().nodes());
      const auto pid = victim.pid();
      victim.freeze();
      let_pass(3 * lease_time);
      victim.thaw();
      EXPECT_TRUE(eventually([&] { return victim.readiness() == 200; })) << "it does not come back";
      EXPECT_EQ(victim.pid(), pid);
      scene.await_some_tasks();
    } while (scene.goes_on());
  });
  EXPECT_GT(result.lost_attempts, 0U) << "the load was too light to prove anything";
  double fenced = 0;
  for (const auto* n : nodes().nodes()) {
    fenced += n->metric("troupe_fenced_writes_total");
  }
  show_figure("writes of a frozen node that were refused", std::to_string(static_cast<long>(fenced)));
}

TEST_F(FrozenNodes, TakeWorkAgainOnceTheyGoOn) {
  start({.gateways = 1, .workers = 1});
  const std::string id = start_task("@words=100 @pace=20").at("id");
  wait_for_status(id, "RUNNING");
  auto& frozen = nodes().at("w1");
  frozen.freeze();
  auto& other = nodes().add("w2", "worker");
  // The other one takes over and ends it, while the first believes that it runs it.
  EXPECT_EQ(wait_for_end_of(id).at("node"), "w2");
  const auto before = journal(id);
  other.kill();
  frozen.thaw();
  const std::string next = start_task("for whoever is left").at("id");
  EXPECT_EQ(wait_for_end_of(next).at("node"), "w1");
  EXPECT_EQ(journal(id), before) << "a late write has changed something";
  expect_sound(id);
}

} // namespace troupe
