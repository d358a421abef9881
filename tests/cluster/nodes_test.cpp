#include "tests/cluster/cluster_test.hpp"

#include <algorithm>

/// What an operator is told about nodes.
namespace troupe {

namespace {

json find_node(const std::vector<json>& listed, const std::string& name) {
  const auto found = std::find_if(listed.begin(), listed.end(), [&](const json& n) { return n.at("name") == name; });
  return found == listed.end() ? json{} : *found;
}

} // namespace

using Nodes = cluster_test;

TEST_F(Nodes, AreListedWithTheirRoleAndLoad) {
  start({.all = 1, .gateways = 1, .workers = 1}, {{"--capacity", "3"}});
  for (int i = 0; i < 6; ++i) {
    start_task("@delay=3000 load");
  }
  EXPECT_TRUE(eventually([&] {
    const auto listed = nodes().listed_nodes();
    return find_node(listed, "n1").at("running") == 3 && find_node(listed, "w1").at("running") == 3;
  }))
    << json(nodes().listed_nodes());
  const auto listed = nodes().listed_nodes();
  ASSERT_EQ(listed.size(), 3U);
  for (const auto& [name, role] :
       std::vector<std::pair<std::string, std::string>>{{"n1", "all"}, {"g1", "gateway"}, {"w1", "worker"}}) {
    const json found = find_node(listed, name);
    EXPECT_EQ(found.at("role"), role);
    EXPECT_EQ(found.at("status"), "alive");
    EXPECT_FALSE(found.at("version").get<std::string>().empty());
  }
  EXPECT_EQ(find_node(listed, "g1").at("running"), 0);

  const auto shown = run_troupe({"node", "ls", "--http-port", std::to_string(nodes().any_port())});
  EXPECT_EQ(shown.exit_code, 0) << shown.output;
  for (const std::string word : {"n1", "g1", "w1", "worker", "gateway", "alive"}) {
    EXPECT_NE(shown.output.find(word), std::string::npos) << shown.output;
  }
}

TEST_F(Nodes, ThatDieAreListedAsLostOrNoMore) {
  start({.gateways = 1, .workers = 2});
  nodes().at("w1").kill();
  EXPECT_TRUE(eventually([&] {
    const json found = find_node(nodes().listed_nodes(), "w1");
    return found.is_null() || found.at("status") == "lost";
  }))
    << json(nodes().listed_nodes());
  EXPECT_EQ(find_node(nodes().listed_nodes(), "w2").at("status"), "alive");
  nodes().at("w1").start();
  nodes().wait_until_whole();
}

TEST_F(Nodes, ThatAreWorkersServeOperatorsOnly) {
  start({.gateways = 1, .workers = 1});
  http_client http{nodes().at("w1").port()};
  EXPECT_EQ(http.get("/healthz").status, 200U);
  EXPECT_EQ(http.get("/readyz").status, 200U);
  EXPECT_EQ(http.get("/metrics").status, 200U);
  expect_problem(http.get("/api/v1/tasks"), 421, "not_a_gateway");
}

} // namespace troupe
