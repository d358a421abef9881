#include "tests/cluster/cluster_test.hpp"
#include "tests/cluster/private_network.hpp"

/// Nodes that have a database role each, as where credentials are made per node or rotated. None may see other roles'
/// sessions (pg_read_all_stats): PostgreSQL shows them NULL for when these began.
namespace troupe {

class RolesOfTheirOwn : public cluster_test {
protected:
  /// Three nodes, each as a member of the one role that owns everything.
  void start_as_roles() {
    start_empty();
    nodes().database().query("CREATE ROLE owner NOLOGIN; GRANT CREATE ON DATABASE troupe TO owner");
    for (const std::string number : {"1", "2", "3"}) {
      nodes().database().query("CREATE ROLE role" + number + " LOGIN IN ROLE owner; ALTER ROLE role" + number
                               + " SET role = owner");
      auto url = nodes().database().url();
      url.replace(url.find("postgres@"), std::string{"postgres@"}.size(), "role" + number + "@");
      nodes().add("n" + number, "all",
                  {{"--database", url}, {"--node-host", private_network::link_address(std::stoi(number))}});
    }
    become_ready();
    ASSERT_TRUE(eventually([&] { return links() == 6; }));
  }

  /// Of all nodes to one another.
  [[nodiscard]] double links() {
    double sum = 0;
    for (const auto* one : nodes().nodes())
      sum += one->metric("troupe_cluster_links");
    return sum;
  }

  /// How often a node has said that a link broke.
  [[nodiscard]] int broken_links() {
    int times = 0;
    for (const auto* one : nodes().nodes()) {
      const auto said = one->output();
      for (auto at = said.find("no link to node"); at != std::string::npos; at = said.find("no link to node", at + 1))
        ++times;
    }
    return times;
  }
};

// Seen: one cut of the link between two healthy nodes, and their tasks burnt six attempts in two seconds and FAILED.
TEST_F(RolesOfTheirOwn, TakeNothingOverFromTheLivingWhenALinkIsCut) {
  if (!private_network::is_allowed())
    GTEST_SKIP() << "NOT TESTED: this machine lets nobody make a network namespace, so links cannot be cut";
  private_network network;
  start_as_roles();
  EXPECT_EQ(nodes().database().value("SELECT count(DISTINCT usename) FROM pg_stat_activity WHERE application_name = "
                                     "'troupe'"),
            "3");
  const auto result = under_load({.length = load_time(3s), .inputs = long_inputs()}, [&](stage& scene) {
    do {
      scene.await_some_tasks();
      private_network::reset_links_to(private_network::link_address(2));
      scene.await_some_tasks();
    } while (scene.goes_on());
    EXPECT_GE(broken_links(), 2) << "links were not cut";
    // And in silence, until each believes the others to be gone.
    network.cut_links();
    ASSERT_TRUE(eventually([&] { return links() == 0; }));
    scene.await_some_tasks();
    network.heal_links();
  });
  EXPECT_EQ(result.lost_attempts, 0U) << "tasks were taken over from nodes that live";
}

} // namespace troupe
