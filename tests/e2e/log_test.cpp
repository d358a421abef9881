#include "tests/e2e/server_test.hpp"
#include "tests/e2e/stream_clients.hpp"

#include <csignal>
#include <sstream>

/// The log as an operator reads it, of the real binary.
namespace troupe {

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Log : public server_test {};

} // namespace

TEST_F(Log, SaysAtTheStartWhatStartsWhere) {
  start({"--node-name", "n1", "--capacity", "7"});
  EXPECT_THAT(server().wait_for_line("troupe starts"),
              AllOf(HasSubstr(" version="), HasSubstr(" node=n1 node_id="), HasSubstr(" role=all data_dir="),
                    HasSubstr(" database=sqlite:"), HasSubstr(" capacity=7 auth=\"none: loopback only\"")));
  EXPECT_THAT(server().wait_for_line("listening on"), HasSubstr("http://127.0.0.1:" + std::to_string(server().port())));
}

TEST_F(Log, TellsWhichTaskFailedAndWhyAndWhichRequestBegan) {
  start({"--log-level", "debug"});
  const auto reply = http().post("/api/v1/tasks", {{"input", "@fail=1:permanent hello"}, {"execute", true}},
                                 {{"X-Request-Id", "from-a-client"}});
  ASSERT_EQ(reply.status, 201U);
  const auto id = reply.document()["id"].get<std::string>();
  EXPECT_EQ(wait_for_end(http(), id)["status"], "FAILED");
  EXPECT_THAT(server().wait_for_line("task failed"),
              AllOf(HasSubstr(" task=" + id + " class=permanent"), HasSubstr(" bot=default model=builtin")));
  EXPECT_THAT(server().wait_for_line("task created"),
              AllOf(HasSubstr(" task=" + id), HasSubstr(" request_id=from-a-client")));
}

TEST_F(Log, HasNoLineForARequestUnlessAskedTo) {
  start();
  http().get("/api/v1/tasks");
  server().signal(SIGTERM);
  EXPECT_EQ(server().wait(), 0);
  EXPECT_THAT(server().output(), Not(HasSubstr(" request ")));
}

TEST_F(Log, HasALineForEachRequestIfAskedTo) {
  start({"--access-log", "on"});
  const auto id = create("hello")["id"].get<std::string>();
  const auto found = http().get("/api/v1/tasks/" + id + "?namespace=default", {{"X-Request-Id", "look"}});
  EXPECT_EQ(found.header("X-Request-Id"), "look");
  EXPECT_THAT(server().wait_for_line("request_id=look", 1s),
              AllOf(HasSubstr(" request method=GET route=/api/v1/tasks/{id} path=/api/v1/tasks/" + id + " status=200 "),
                    HasSubstr(" bytes=" + std::to_string(found.body.size()) + " "), Not(HasSubstr("namespace="))));
  const auto missing = http().get("/nowhere");
  EXPECT_EQ(missing.document()["request_id"], missing.header("X-Request-Id"));
  EXPECT_THAT(server().wait_for_line("request_id=" + missing.header("X-Request-Id"), 1s),
              AllOf(HasSubstr(" method=GET path=/nowhere status=404 "), Not(HasSubstr("route="))));
  const auto broken = exchange_bytes(server().port(), "GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(broken.bytes, AllOf(HasSubstr("\r\nX-Request-Id: "), HasSubstr("\"request_id\":\"")));
  server().wait_for_line("status=400", 1s);
}

TEST_F(Log, LosesNoLineAtTheEnd) {
  start({"--access-log", "on", "--log-format", "json", "--node-name", "n1"});
  constexpr int requests = 500;
  for (int i = 0; i < requests; ++i)
    http().get("/healthz");
  server().signal(SIGTERM);
  EXPECT_EQ(server().wait(), 0);
  int counted = 0;
  std::istringstream lines{server().output()};
  for (std::string line; std::getline(lines, line);) {
    const auto entry = json::parse(line);
    EXPECT_EQ(entry["node"], "n1");
    counted += entry["message"] == "request" && entry["route"] == "/healthz" ? 1 : 0;
  }
  EXPECT_EQ(counted, requests);
}

TEST_F(Log, TellsOfAStreamAndAWebSocketAtTheirEnd) {
  start({"--access-log", "on"});
  const auto id = run_task("hello")["id"].get<std::string>();
  sse_client events{server().port(), "/api/v1/tasks/" + id + "/events"};
  events.until(of_type("task:completed"));
  EXPECT_THAT(server().wait_for_line("route=/api/v1/tasks/{id}/events", 5s), HasSubstr(" status=200 bytes="));
  {
    websocket_client socket{server().port(), "/api/v1/tasks/" + id + "/chat"};
    socket.send({{"type", "ping"}});
    socket.until(of_type("pong"));
    socket.drop();
  }
  EXPECT_THAT(server().wait_for_line("route=/api/v1/tasks/{id}/chat", 5s),
              AllOf(HasSubstr(" status=101 "), HasSubstr(" close_code=1006 frames_in=1 frames_out=")));
}

} // namespace troupe
