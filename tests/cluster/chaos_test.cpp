#include "tests/cluster/cluster_test.hpp"

#include <functional>
#include <map>
#include <thread>

/// Faults for as long as one likes: TROUPE_CHAOS_MINUTES says how long, and without it these
/// are short.
namespace troupe {

class Chaos : public cluster_test {
protected:
  static std::chrono::milliseconds length_or(std::chrono::milliseconds short_form) {
    const auto minutes = chaos_minutes();
    return minutes ? std::chrono::milliseconds{*minutes} : short_form;
  }

  [[nodiscard]] double metric(const std::string& name) {
    double sum = 0;
    for (const auto* n : nodes().nodes()) {
      sum += n->metric(name);
    }
    return sum;
  }
};

TEST_F(Chaos, KillsAWorkerEveryTwoSeconds) {
  // The lease has its default here: this is the promise that an operator is made.
  constexpr auto default_lease = 10s;
  constexpr auto interval = 2s;
  start({.gateways = 2, .workers = 4}, {{"--lease-time", "10s"}});
  int kills = 0;
  const auto length = length_or(10s);
  const auto result = under_load({.length = length, .tasks_per_second = 110}, [&](stage& scene) {
    node* missing = nullptr;
    auto next = std::chrono::steady_clock::now();
    while (scene.goes_on()) {
      next += interval;
      std::this_thread::sleep_until(next);
      if (missing != nullptr) {
        missing->start();
      }
      node& victim = scene.any_of(nodes().workers());
      victim.kill();
      missing = &victim;
      ++kills;
    }
    missing->start();
  });
  const auto seconds = std::chrono::duration<double>{length}.count();
  show_figure("kills", std::to_string(kills));
  show_figure("tasks a second", std::to_string(static_cast<double>(result.tasks) / seconds));
  show_figure("recoveries", std::to_string(result.lost_attempts));
  show_figure("longest pause beside the run time, ms", std::to_string(result.longest_pause.count()));
  show_figure("fenced writes of nodes that live", std::to_string(metric("troupe_fenced_writes_total")));
  EXPECT_GT(result.lost_attempts, 0U);
  EXPECT_LT(result.longest_pause, default_lease + 5s);
  if (chaos_minutes()) {
    EXPECT_GE(static_cast<double>(result.tasks) / seconds, 100.0) << "the load was lighter than promised";
  }
}

TEST_F(Chaos, MixesAllFaults) {
  start({.all = 2, .gateways = 1, .workers = 2}, {{"--drain-timeout", "500ms"}});
  using fault = std::function<void(stage&)>;
  const auto anybody = [&](stage& scene) -> node& { return scene.any_of(nodes().nodes()); };
  const std::vector<std::pair<std::string, fault>> faults{
    {"kill",
     [&](stage& scene) {
       node& victim = anybody(scene);
       victim.kill();
       scene.await_some_tasks();
       victim.start();
     }},
    {"kill all",
     [&](stage&) {
       for (auto* n : nodes().nodes()) {
         n->kill();
       }
       for (auto* n : nodes().nodes()) {
         n->start();
       }
     }},
    {"freeze",
     [&](stage& scene) {
       node& victim = anybody(scene);
       victim.freeze();
       // From shorter than a lease to three of them.
       let_pass(lease_time * (1 + scene.random()() % 6) / 2);
       victim.thaw();
     }},
    {"cut off from the database",
     [&](stage& scene) {
       node& victim = anybody(scene);
       victim.database_link().cut();
       let_pass(lease_time * (1 + scene.random()() % 6) / 2);
       victim.database_link().heal();
     }},
    {"reset connections", [&](stage& scene) { anybody(scene).database_link().reset(); }},
    {"terminate sessions", [&](stage&) { nodes().database().terminate_backends(); }},
    {"crash the database",
     [&](stage& scene) {
       nodes().database().stop_immediate();
       let_pass(std::chrono::milliseconds{scene.random()() % 2000});
       nodes().database().start();
     }},
    {"drain",
     [&](stage& scene) {
       node& victim = anybody(scene);
       victim.drain();
       EXPECT_EQ(victim.wait_for_end(), 0) << victim.output();
       victim.start();
     }},
  };
  std::map<std::string, int> counts;
  under_load({.length = length_or(15s)}, [&](stage& scene) {
    while (scene.goes_on()) {
      scene.await_some_tasks();
      const auto& [name, act] = faults[scene.random()() % faults.size()];
      ++counts[name];
      act(scene);
    }
  });
  for (const auto& [name, count] : counts) {
    show_figure(name, std::to_string(count));
  }
}

} // namespace troupe
