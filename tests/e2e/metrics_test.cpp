#include "tests/e2e/server_test.hpp"
#include "tests/e2e/stream_clients.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

/// `/metrics` and `/openapi.json`: what the server says about itself.
namespace troupe {

class Metrics : public server_test {
protected:
  std::string text() { return http().get("/metrics").body; }

  /// The value of the sample whose line starts with `name`; 0 if there is none.
  double value(const std::string& name) {
    std::istringstream lines{text()};
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(name + " ")) {
        return std::stod(line.substr(name.size() + 1));
      }
    }
    return 0;
  }
};

TEST_F(Metrics, CountWhatHappened) {
  put_bot("quick");
  run_task("good");
  run_task("@fail=1:transient good at last", {{"spec", {{"bot_name", "quick"}}}});
  run_task("@fail=1:permanent bad", {{"spec", {{"bot_name", "quick"}}}});
  EXPECT_EQ(value(R"(troupe_tasks_total{outcome="completed"})"), 2);
  EXPECT_EQ(value(R"(troupe_tasks_total{outcome="failed"})"), 1);
  EXPECT_EQ(value(R"(troupe_attempt_failures_total{class="transient"})"), 1);
  EXPECT_EQ(value(R"(troupe_attempt_failures_total{class="permanent"})"), 1);
  EXPECT_GE(value("troupe_attempt_duration_seconds_count"), 4);
  EXPECT_GE(value("troupe_first_token_seconds_count"), 2);
  EXPECT_GT(value("troupe_commit_operations_count"), 0);
  EXPECT_GT(value("troupe_commit_duration_seconds_count"), 0);
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
}

TEST_F(Metrics, ShowTheQueueAsItStands) {
  start({"--capacity", "1"});
  const json running = start_task("@delay=60000 running");
  wait_for_status(running.at("id"), "RUNNING");
  start_task("waiting");
  EXPECT_EQ(value(R"(troupe_queue_tasks{state="running"})"), 1);
  EXPECT_EQ(value(R"(troupe_queue_tasks{state="ready"})"), 1);
  EXPECT_TRUE(eventually([&] { return value("troupe_queue_oldest_due_age_seconds") > 0; }));
  EXPECT_EQ(value("troupe_tasks_running"), 1);
}

TEST_F(Metrics, CountConnectionsAndFrames) {
  {
    websocket_client client{server().port(), "/api/v1/events"};
    client.send({{"type", "ping"}});
    client.until(of_type("pong"));
    EXPECT_EQ(value("troupe_websocket_connections"), 1);
    EXPECT_EQ(value(R"(troupe_websocket_frames_total{direction="received"})"), 1);
    EXPECT_GE(value(R"(troupe_websocket_frames_total{direction="sent"})"), 1);
    client.drop();
  }
  EXPECT_TRUE(eventually([&] { return value("troupe_websocket_connections") == 0; }));
}

TEST_F(Metrics, CountRequestsByRouteAndNotByPath) {
  for (int i = 0; i < 3; ++i) {
    http().get(task_path(create("Hello")));
  }
  EXPECT_EQ(value(R"(troupe_http_requests_total{method="GET",route="/api/v1/tasks/{id}",status="200"})"), 3) << text();
}

TEST_F(Metrics, GrowNoLabelForAMethodThatAClientMadeUp) {
  for (const std::string method : {"FROB", "FROBNICATE", "XYZZY"}) {
    http_client client{server().port()};
    EXPECT_EQ(client.send(method, "/api/v1/tasks", "", {}).status, 405U);
  }
  EXPECT_EQ(value(R"(troupe_http_requests_total{method="other",route="/api/v1/tasks",status="405"})"), 3);
  EXPECT_EQ(http().get("/metrics").body.find("FROB"), std::string::npos);
}

TEST_F(Metrics, PassPromtool) {
  if (std::system("command -v promtool >/dev/null") != 0) {
    ASSERT_EQ(std::getenv("CI"), nullptr) << "promtool is missing, which CI does not accept";
    GTEST_SKIP() << "promtool is missing: `./dev test` fetches it";
  }
  run_task("Hello");
  const temporary_folder directory;
  const std::string file = (directory.path() / "metrics").string();
  std::ofstream{file} << text();
  child_process check{{"/bin/sh", "-c", "promtool check metrics <" + file}};
  EXPECT_EQ(check.wait(), 0) << check.output();
}

TEST(OpenApi, IsServedAsItStandsInTheSource) {
  const temporary_folder data;
  const server_process server{data.path()};
  http_client http{server.port()};
  const auto served = http.get("/openapi.json");
  EXPECT_EQ(served.status, 200U);
  std::ifstream file{TROUPE_SOURCE_DIR "/gateway/openapi.json"};
  EXPECT_EQ(served.document(), json::parse(file));
  EXPECT_TRUE(served.document().at("openapi").get<std::string>().starts_with("3.1"));
}

} // namespace troupe
