#include "tests/e2e/server_test.hpp"

/// The nodes, as a single server shows itself; several are the matter of tests/cluster.
namespace troupe {

class Nodes : public server_test {
protected:
  /// The one node of the list, once it is there.
  json node() {
    json items;
    EXPECT_TRUE(eventually([&] {
      items = http().get("/api/v1/nodes").document().at("items");
      return items.size() == 1;
    }))
      << items;
    return items.empty() ? json::object() : items.at(0);
  }

  /// Waits until a member of it has this value.
  void wait_for(const std::string& member, const json& value) {
    json last;
    EXPECT_TRUE(eventually([&] {
      last = node();
      return last.value(member, json{}) == value;
    }))
      << member << " is not " << value << ": " << last;
  }

  finished_run troupe(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--http-port", std::to_string(server().port())});
    return run_troupe(arguments);
  }
};

TEST_F(Nodes, ShowASingleServerAsOneThatDoesEverything) {
  start({"--node-name", "alone", "--capacity", "7"});
  const json one = node();
  EXPECT_EQ(one.at("name"), "alone");
  EXPECT_EQ(one.at("role"), "all");
  EXPECT_EQ(one.at("status"), "alive");
  EXPECT_EQ(one.at("version"), TROUPE_VERSION);
  EXPECT_EQ(one.at("capacity"), 7);
  EXPECT_TRUE(http().get("/api/v1/nodes").document().at("next_cursor").is_null());
}

TEST_F(Nodes, GiveSignsOfLifeWithTheirLoad) {
  const auto first = node().at("heartbeat_at").get<std::string>();
  const json task = start_task("@delay=60000 running");
  wait_for("running", 1);
  EXPECT_GT(node().at("heartbeat_at").get<std::string>(), first);
  EXPECT_EQ(http().post(task_path(task) + "/cancel").status, 200U);
  wait_for("running", 0);
}

TEST_F(Nodes, AreNewOnesAfterEachStart) {
  const auto first = node().at("id");
  server().signal(SIGKILL);
  server().wait();
  start();
  EXPECT_NE(node().at("id"), first);
}

TEST_F(Nodes, SayThatTheyDrain) {
  const json task = start_task("@delay=60000 in the way");
  wait_for_status(task.at("id"), "RUNNING");
  server().signal(SIGTERM);
  wait_for("status", "draining");
  const auto ready = http().get("/readyz");
  EXPECT_EQ(ready.status, 503U);
  EXPECT_EQ(ready.document().at("status"), "draining");
  EXPECT_FALSE(ready.header("Retry-After").empty());
}

TEST_F(Nodes, RefuseParametersThatTheyDoNotKnow) {
  expect_problem(http().get("/api/v1/nodes?role=worker"), 400, "unknown_parameter");
}

TEST_F(Nodes, AreListedByTheCommandLine) {
  start({"--node-name", "alone", "--capacity", "7"});
  node();
  const auto list = troupe({"node", "ls"});
  EXPECT_EQ(list.exit_code, 0) << list.output;
  EXPECT_THAT(list.output, testing::StartsWith("NAME ")) << list.output;
  EXPECT_THAT(list.output, testing::ContainsRegex("alone +all +alive +0/7 +" TROUPE_VERSION));
  EXPECT_THAT(list.output, testing::HasSubstr(" s ago"));
  const auto document = troupe({"node", "ls", "--json"});
  EXPECT_EQ(document.exit_code, 0) << document.output;
  EXPECT_EQ(json::parse(document.output).at("items").at(0).at("name"), "alone");
}

} // namespace troupe
