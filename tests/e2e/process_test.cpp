#include "tests/e2e/server_test.hpp"
#include "tests/e2e/stream_clients.hpp"

/// The process: how it starts, how it is told to end, and what it refuses.
namespace troupe {

using Process = server_test;

// -- ending ------------------------------------------------------------------------------

TEST_F(Process, DrainsOnSigtermAndLetsRunningTasksEnd) {
  const json task = start_task("@delay=500 nearly done");
  wait_for_status(task.at("id"), "RUNNING");
  websocket_client watcher{server().port(), "/api/v1/events"};
  server().signal(SIGTERM);
  EXPECT_EQ(watcher.wait_for_close(), 1012U);
  EXPECT_EQ(server().wait(), 0) << server().output();
  start();
  const json done = this->task(task.at("id"));
  EXPECT_EQ(done.at("status"), "COMPLETED");
  EXPECT_EQ(done.at("attempt"), 1);
  expect_whole(http(), done);
}

TEST_F(Process, HandsLongTasksBackWithoutChargingAnAttempt) {
  start({"--drain-timeout", "200ms"});
  put_bot("once", {{"restart", {{"max_attempts", 1}}}});
  const json task = start_task("@delay=2000 long", {{"spec", {{"bot_name", "once"}}}});
  wait_for_status(task.at("id"), "RUNNING");
  server().signal(SIGTERM);
  EXPECT_EQ(server().wait(), 0) << server().output();
  start();
  const json done = wait_for_end(http(), task.at("id"));
  EXPECT_EQ(done.at("status"), "COMPLETED") << done;
  EXPECT_EQ(done.at("attempt"), 2);
  EXPECT_EQ(list_all(http(), task_path(task) + "/attempts").at(0).at("outcome"), "released");
  expect_whole(http(), done);
}

TEST_F(Process, ClaimsNothingNewWhileItDrains) {
  start({"--capacity", "1"});
  const json running = start_task("@delay=1000 running");
  wait_for_status(running.at("id"), "RUNNING");
  const json waiting = start_task("waiting");
  server().signal(SIGTERM);
  EXPECT_EQ(server().wait(), 0) << server().output();
  start({"--capacity", "1"});
  const json done = wait_for_end(http(), waiting.at("id"));
  EXPECT_GT(done.at("started_at").get<std::string>(),
            this->task(running.at("id")).at("completed_at").get<std::string>());
  EXPECT_EQ(done.at("attempt"), 1);
}

TEST_F(Process, EndsAtOnceOnASecondSigterm) {
  start({"--drain-timeout", "10m"});
  const json task = start_task("@delay=600000 endless");
  wait_for_status(task.at("id"), "RUNNING");
  websocket_client watcher{server().port(), "/api/v1/events"};
  server().signal(SIGTERM);
  EXPECT_TRUE(eventually([&] { return server().output().find("drain") != std::string::npos; })) << server().output();
  server().signal(SIGTERM);
  server().wait();
  start();
  EXPECT_EQ(this->task(task.at("id")).at("status"), "RUNNING") << "it is taken up again";
}

TEST_F(Process, TreatsCtrlCAsSigterm) {
  http();
  server().signal(SIGINT);
  EXPECT_EQ(server().wait(), 0) << server().output();
}

// -- starting ------------------------------------------------------------------------------

TEST_F(Process, TakesUpWithinMomentsWhatAKillInterrupted) {
  const json task = start_task("@delay=1000 interrupted");
  wait_for_status(task.at("id"), "RUNNING");
  server().signal(SIGKILL);
  EXPECT_EQ(server().wait(), 128 + SIGKILL);
  start();
  const json done = wait_for_end(http(), task.at("id"));
  EXPECT_EQ(done.at("status"), "COMPLETED");
  EXPECT_EQ(list_all(http(), task_path(task) + "/attempts").at(0).at("outcome"), "lost");
  expect_whole(http(), done);
}

TEST_F(Process, GivesUpATaskThatTakesTheProcessDownEveryTime) {
  const json task = start_task("@delay=600000 deadly");
  for (int attempt = 1; attempt <= 3; ++attempt) {
    EXPECT_TRUE(eventually([&] { return this->task(task.at("id")).at("attempt") == attempt; }));
    server().signal(SIGKILL);
    server().wait();
    start({"--max-recoveries", "2"});
  }
  EXPECT_EQ(wait_for_end(http(), task.at("id")).at("status"), "FAILED");
}

TEST_F(Process, RefusesASecondServerOnTheSameData) {
  http();
  const auto second = run_troupe({"serve", "--http-port", "0", "--data-dir", data_dir().string()});
  EXPECT_NE(second.exit_code, 0);
  EXPECT_NE(second.output.find("in use by another"), std::string::npos) << second.output;
  EXPECT_EQ(http().get("/readyz").status, 200U) << "the first one is not disturbed";
}

TEST_F(Process, RefusesAnAddressThatOthersCouldReach) {
  for (const std::string host : {"0.0.0.0", "::", "192.0.2.1", "example.com"}) {
    const auto refused
      = run_troupe({"serve", "--http-host", host, "--http-port", "0", "--data-dir", data_dir().string()});
    EXPECT_NE(refused.exit_code, 0) << host;
    EXPECT_NE(refused.output.find("loopback"), std::string::npos) << refused.output;
  }
}

// laravel/framework#16937, websockets/wscat#144: a server on one of localhost's addresses, a client at the other.
TEST_F(Process, IsFoundByTheCommandLineAtEveryAddressOfLocalhost) {
  for (const auto& [listens, asked] : std::vector<std::pair<std::string, std::vector<std::string>>>{
         {"localhost", {"localhost", "127.0.0.1", "::1", "[::1]"}}, {"127.0.0.1", {"localhost", "127.0.0.1"}}}) {
    start({"--http-host", listens});
    const auto port = std::to_string(server().port());
    for (const auto& host : asked) {
      const auto seen = run_troupe({"task", "ls", "--http-host", host, "--http-port", port});
      EXPECT_EQ(seen.exit_code, 0) << host << ": " << seen.output;
    }
  }
}

TEST_F(Process, ListensOnAnIpv6AddressHoweverItIsWritten) {
  const temporary_folder other;
  for (const std::string host : {"::1", "[::1]"}) {
    child_process process{
      {troupe_binary(), "serve", "--http-host", host, "--http-port", "0", "--data-dir", other.path().string()}};
    const auto line = process.wait_for_line("listening on ");
    ASSERT_NE(line.find("http://[::1]:"), std::string::npos) << line;
    const auto port = line.substr(line.find("[::1]:") + 6);
    for (const std::string asked : {"::1", "localhost"})
      EXPECT_EQ(run_troupe({"task", "ls", "--http-host", asked, "--http-port", port}).exit_code, 0) << asked;
    process.signal(SIGTERM);
    EXPECT_EQ(process.wait(), 0);
  }
}

TEST_F(Process, RefusesAPortThatIsTaken) {
  const temporary_folder other;
  const auto refused
    = run_troupe({"serve", "--http-port", std::to_string(server().port()), "--data-dir", other.path().string()});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_NE(refused.output.find(std::to_string(server().port())), std::string::npos) << refused.output;
}

TEST_F(Process, RefusesSettingsThatMakeNoSense) {
  for (const auto& flags : {std::vector<std::string>{"--capacity", "0"},
                            {"--http-port", "99999"},
                            {"--drain-timeout", "soon"},
                            {"--database", "postgres://localhost/troupe"},
                            {"--no-such-flag"}}) {
    std::vector<std::string> arguments{"serve", "--data-dir", data_dir().string()};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const auto refused = run_troupe(arguments);
    EXPECT_NE(refused.exit_code, 0) << flags[0];
    EXPECT_FALSE(refused.output.empty());
  }
}

TEST_F(Process, WritesItsLogAsJsonIfAskedTo) {
  start({"--log-format", "json"});
  server().signal(SIGTERM);
  server().wait();
  std::istringstream lines{server().output()};
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_TRUE(json::accept(line)) << line;
  }
  EXPECT_GT(count, 0);
}

} // namespace troupe
