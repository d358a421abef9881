#include "tests/e2e/server_test.hpp"

/// `troupe task …`, `troupe queue` and `troupe migrate`, against a running server.
namespace troupe {

class CommandLine : public server_test {
protected:
  finished_run troupe(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--http-port", std::to_string(server().port())});
    return run_troupe(arguments);
  }
};

TEST_F(CommandLine, RunsATaskAndPrintsTheAnswer) {
  const auto run = troupe({"task", "run", "Hello from a terminal"});
  EXPECT_EQ(run.exit_code, 0) << run.output;
  EXPECT_NE(run.output.find("Echo: Hello from a terminal"), std::string::npos) << run.output;
  EXPECT_EQ(list_all(http(), "/api/v1/tasks?status=COMPLETED").size(), 1U);
}

TEST_F(CommandLine, TellsOfAFailureByItsExitCode) {
  const auto run = troupe({"task", "run", "@fail=1:permanent no"});
  EXPECT_NE(run.exit_code, 0) << run.output;
}

TEST_F(CommandLine, ListsAndShowsTasks) {
  const json task = run_task("Hello", {{"name", "greeting"}});
  const std::string id = task.at("id");
  const auto list = troupe({"task", "ls"});
  EXPECT_EQ(list.exit_code, 0) << list.output;
  EXPECT_NE(list.output.find(id), std::string::npos) << list.output;
  EXPECT_NE(list.output.find("greeting"), std::string::npos) << list.output;
  const auto shown = troupe({"task", "get", id});
  EXPECT_EQ(shown.exit_code, 0) << shown.output;
  EXPECT_NE(shown.output.find("COMPLETED"), std::string::npos) << shown.output;
  EXPECT_NE(troupe({"task", "get", "0190a7a0-0000-7000-8000-000000000000"}).exit_code, 0);
}

TEST_F(CommandLine, CancelsAndRetriesTasks) {
  const json task = start_task("@delay=1000 again");
  const std::string id = task.at("id");
  EXPECT_EQ(troupe({"task", "cancel", id}).exit_code, 0);
  EXPECT_EQ(this->task(id).at("status"), "CANCELLED");
  EXPECT_EQ(troupe({"task", "retry", id}).exit_code, 0);
  EXPECT_EQ(wait_for_end(http(), id).at("status"), "COMPLETED");
}

TEST_F(CommandLine, ShowsTheQueue) {
  const json task = start_task("@delay=60000 running");
  wait_for_status(task.at("id"), "RUNNING");
  const auto queue = troupe({"queue"});
  EXPECT_EQ(queue.exit_code, 0) << queue.output;
  EXPECT_NE(queue.output.find("default"), std::string::npos) << queue.output;
}

// A page of the server's ends at about 1 MiB: three of these.
TEST_F(CommandLine, ListsTasksOfSeveralPages) {
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i)
    ids.push_back(create(std::string(256 * 1024, 'x')).at("id"));
  const auto list = troupe({"task", "ls"});
  EXPECT_EQ(list.exit_code, 0) << list.output;
  for (const auto& id : ids)
    EXPECT_NE(list.output.find(id), std::string::npos) << id;
  const auto some = troupe({"task", "ls", "--limit", "7"});
  EXPECT_EQ(some.output.find(ids[2]), std::string::npos) << some.output;
  EXPECT_NE(some.output.find(ids[3]), std::string::npos) << some.output;
}

TEST_F(CommandLine, ShowsAQueueOfSeveralPages) {
  for (int i = 0; i < 503; ++i) {
    const auto made = http().post("/api/v1/tasks?namespace=ns-" + std::to_string(1000 + i),
                                  {{"input", "later"}, {"run_at", "2100-01-01T00:00:00Z"}, {"execute", true}});
    ASSERT_EQ(made.status, 201U) << made.body;
  }
  const auto queue = troupe({"queue"});
  EXPECT_EQ(queue.exit_code, 0) << queue.output;
  for (const auto* name : {"ns-1000", "ns-1499", "ns-1500", "ns-1502", "(all)"})
    EXPECT_NE(queue.output.find(name), std::string::npos) << name;
}

TEST_F(CommandLine, SaysSoIfThereIsNoServer) {
  const std::uint16_t port = server().port();
  server().signal(SIGTERM);
  server().wait();
  const auto run = run_troupe({"task", "ls", "--http-port", std::to_string(port)});
  EXPECT_NE(run.exit_code, 0);
  EXPECT_NE(run.output.find(std::to_string(port)), std::string::npos) << run.output;
}

TEST_F(CommandLine, MigratesAStoreAndIsContentWithAMigratedOne) {
  for (int i = 0; i < 2; ++i) {
    const auto run = run_troupe({"migrate", "--data-dir", data_dir().string()});
    EXPECT_EQ(run.exit_code, 0) << run.output;
  }
  EXPECT_EQ(run_task("Hello").at("status"), "COMPLETED");
}

} // namespace troupe
