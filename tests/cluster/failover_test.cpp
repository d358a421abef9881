#include "tests/cluster/cluster_test.hpp"

#include <gmock/gmock.h>

/// A standby takes the primary's place, or is waited for in vain.
namespace troupe {

using testing::HasSubstr;

class Failover : public cluster_test {
protected:
  static std::size_t count_tasks(std::uint16_t port) {
    http_client http{port};
    return http.get("/api/v1/tasks").document().at("items").size();
  }

  /// Tasks that take five seconds, all running.
  std::vector<std::string> run_tasks(int count) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i)
      ids.push_back(start_task("@words=100 @pace=50").at("id"));
    for (const auto& id : ids)
      wait_for_status(id, "RUNNING");
    return ids;
  }

  void expect_one_attempt(const std::vector<std::string>& ids) {
    for (const auto& id : ids) {
      EXPECT_EQ(wait_for_end_of(id).at("status"), "COMPLETED");
      EXPECT_EQ(attempts(id).size(), 1U) << "it was taken over from a node that lives: " << json(journal(id));
      expect_sound(id);
    }
  }
};

// Seen with PostgreSQL 15: a session that waits for a standby and is ended makes its local commit visible to all.
TEST_F(Failover, ACommitThatNoStandbyHasIsTakenForDoneByNobody) {
  start({.all = 2});
  auto& cut = nodes().at("n1");
  nodes().database().set("synchronous_standby_names", "nobody");
  http_client http{cut.port()};
  EXPECT_GE(http.post("/api/v1/tasks", {{"input", "Hello"}, {"execute", true}}).status, 500U);
  cut.database_link().reset();
  ASSERT_TRUE(eventually([&] { return cut.output().find("waits for a standby") != std::string::npos; }))
    << cut.output();
  EXPECT_EQ(cut.readiness(), 503U);
  EXPECT_EQ(count_tasks(nodes().at("n2").port()), 0U) << "it is shown, and may yet be lost";
  EXPECT_EQ(nodes().database().value("SELECT count(*) FROM troupe.tasks"), "0");
  nodes().database().set("synchronous_standby_names", "");
  ASSERT_TRUE(eventually([&] { return count_tasks(cut.port()) == 1; }));
  http_client after{cut.port()};
  const std::string id = after.get("/api/v1/tasks").document().at("items").at(0).at("id");
  EXPECT_EQ(wait_for_end_of(id).at("status"), "COMPLETED");
  expect_sound(id);
}

TEST_F(Failover, ToASynchronousStandbyLosesNothingThatWasAcknowledged) {
  start({.all = 3});
  auto standby = std::make_unique<postgres_server>(nodes().database(), "s1");
  nodes().database().set("synchronous_standby_names", "s1");
  under_load({.length = load_time(1s)}, [&](stage& scene) {
    scene.await_some_tasks();
    // It vanishes: what is committed from now on, nobody else has.
    standby->stop_immediate();
    ASSERT_TRUE(eventually([&] {
      return nodes().database().value("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "t";
    }));
    for (auto* one : nodes().nodes())
      one->database_link().reset();
    nodes().database().stop_immediate();
    standby->start_as_standby();
    nodes().fail_over_to(std::move(standby));
    scene.await_some_tasks();
  });
}

// Seen with Patroni 3.0, whose failover takes longer than a lease: the first node back ran the tasks of all others.
TEST_F(Failover, ThatTakesLongerThanALeaseMakesNobodyTakeOverFromTheLiving) {
  start({.all = 3});
  auto standby = std::make_unique<postgres_server>(nodes().database(), "s1");
  nodes().database().set("synchronous_standby_names", "s1");
  const auto ids = run_tasks(12);
  nodes().database().stop_immediate();
  ASSERT_TRUE(eventually(
    [&] { return standby->value("SELECT count(*) FROM troupe.leases WHERE expires_at > troupe.clock()") == "0"; }));
  nodes().fail_over_to(std::move(standby));
  expect_one_attempt(ids);
}

TEST_F(Failover, FromAServerThatWasFrozenMakesNobodyTakeOverFromTheLiving) {
  start({.all = 3});
  const auto ids = run_tasks(12);
  nodes().database().freeze();
  // Each node has seen for longer than a lease that nothing is written.
  const auto frozen = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually([&] { return std::chrono::steady_clock::now() - frozen > lease_time * 3 / 2; }));
  nodes().database().thaw();
  expect_one_attempt(ids);
}

TEST_F(Failover, ADeadNodesTasksAreTakenOverOneLeaseLater) {
  start({.all = 3});
  auto standby = std::make_unique<postgres_server>(nodes().database(), "s1");
  nodes().database().set("synchronous_standby_names", "s1");
  const auto ids = run_tasks(12);
  nodes().at("n3").kill();
  nodes().database().stop_immediate();
  nodes().fail_over_to(std::move(standby));
  for (const auto& id : ids) {
    EXPECT_EQ(wait_for_end_of(id).at("status"), "COMPLETED");
    expect_sound(id);
  }
}

} // namespace troupe
