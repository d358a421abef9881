#include "tests/e2e/server_test.hpp"
#include "tests/e2e/stream_clients.hpp"

#include <string>
#include <vector>

/// What pages of other origins can do to the real binary, said in the requests that browsers send for them.
namespace troupe {

namespace {

class Pages : public server_test {
protected:
  [[nodiscard]] std::string own_host() { return "localhost:" + std::to_string(server().port()); }

  http_reply ask(const std::string& method, const std::string& target, const header_list& headers,
                 const std::string& body = {}) {
    http_client client{server().port()};
    return client.send(method, target, body, headers);
  }

  /// The head of an answer, for what the contract does not describe and what needs a Host of its own.
  std::string head(const std::string& request_line, const header_list& headers) {
    std::string bytes = request_line + " HTTP/1.1\r\n";
    bool is_upgrade = false;
    for (const auto& [name, value] : headers) {
      bytes += name + ": " + value + "\r\n";
      is_upgrade = is_upgrade || name == "Upgrade";
    }
    auto answer = exchange_bytes(server().port(), bytes + (is_upgrade ? "\r\n" : "Connection: close\r\n\r\n")).bytes;
    return answer.substr(0, answer.find("\r\n\r\n") + 2);
  }

  static header_list handshake(const std::string& host, const std::string& origin, const std::string& version = "13") {
    return {{"Host", host},
            {"Origin", origin},
            {"Upgrade", "websocket"},
            {"Connection", "Upgrade"},
            {"Sec-WebSocket-Version", version},
            {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  }
};

} // namespace

TEST_F(Pages, OfAReboundNameReachNothing) {
  const json task = start_task("@delay=3600000");
  const std::string port = std::to_string(server().port());
  for (const auto& name : {"rebound.example:" + port, std::string{"rebound.example"}, "0.0.0.0:" + port,
                           "127.0.0.1.rebound.example:" + port, "[2001:db8::1]:" + port})
    for (const std::string target : {"GET /healthz", "GET /metrics", "GET /openapi.json", "GET /api/v1/tasks",
                                     "POST /api/v1/tasks", "OPTIONS *", "GET /nothing"}) {
      const auto answer = head(target, {{"Host", name}});
      EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 421 ")) << target << ' ' << name;
      EXPECT_THAT(answer, testing::HasSubstr("application/problem+json"));
    }
  const auto cancel = "POST " + task_path(task) + "/cancel";
  EXPECT_THAT(head(cancel, {{"Host", "rebound.example"}, {"Origin", "http://rebound.example"}}),
              testing::StartsWith("HTTP/1.1 421 "));
  // The target has the last word.
  EXPECT_THAT(head("GET http://rebound.example/healthz", {{"Host", own_host()}}), testing::StartsWith("HTTP/1.1 421 "));
  EXPECT_THAT(head("GET http://" + own_host() + "/healthz", {{"Host", "rebound.example"}}),
              testing::StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(head("GET /api/v1/events", handshake("rebound.example", "http://rebound.example")),
              testing::StartsWith("HTTP/1.1 421 "));
  EXPECT_EQ(this->task(task.at("id")).at("status"), "RUNNING");
}

TEST_F(Pages, OfOtherOriginsChangeNothing) {
  const json task = start_task("@delay=3600000");
  wait_for_status(task.at("id"), "RUNNING");
  for (const std::string origin : {"https://other.example", "null", "http://localhost", "http://localhost:3000"}) {
    for (const auto& [method, target] :
         std::vector<std::pair<std::string, std::string>>{{"POST", task_path(task) + "/cancel"},
                                                          {"DELETE", task_path(task)},
                                                          {"POST", "/api/v1/tasks"},
                                                          {"PUT", "/api/v1/models/m"},
                                                          {"PUT", "/api/v1/bots/b"},
                                                          {"PATCH", task_path(task) + "/status"}}) {
      const auto reply = ask(method, target, {{"Origin", origin}, {"Content-Type", "text/plain"}}, "{}");
      expect_problem(reply, 403, "origin_refused");
      EXPECT_EQ(reply.header("Vary"), "Origin");
      EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), "");
    }
    EXPECT_THAT(head("GET " + task_path(task) + "/chat", handshake(own_host(), origin)),
                testing::StartsWith("HTTP/1.1 403 "))
      << origin;
  }
  EXPECT_EQ(this->task(task.at("id")).at("status"), "RUNNING");
  EXPECT_EQ(list_all(http(), "/api/v1/tasks").size(), 1U);
}

TEST_F(Pages, OfOtherOriginsAreShownNothing) {
  const json task = run_task("a secret");
  for (const auto& target : {std::string{"/api/v1/tasks"}, task_path(task), task_path(task) + "/events"}) {
    const auto reply = ask("GET", target, {{"Origin", "https://other.example"}, {"Sec-Fetch-Site", "cross-site"}});
    EXPECT_EQ(reply.status, 200U) << target;
    EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), "");
    EXPECT_EQ(reply.header("Cross-Origin-Resource-Policy"), "same-origin");
    EXPECT_EQ(reply.header("X-Content-Type-Options"), "nosniff");
  }
  EXPECT_THAT(
    head("OPTIONS /api/v1/tasks",
         {{"Host", own_host()}, {"Origin", "https://other.example"}, {"Access-Control-Request-Method", "PUT"}}),
    testing::AllOf(testing::StartsWith("HTTP/1.1 403 "), testing::Not(testing::HasSubstr("Access-Control"))));
}

TEST_F(Pages, OfTheServersOwnOriginDoEverything) {
  const std::string own = "http://127.0.0.1:" + std::to_string(server().port());
  EXPECT_EQ(
    ask("POST", "/api/v1/tasks", {{"Origin", own}, {"Sec-Fetch-Site", "same-origin"}}, R"({"input":"x"})").status,
    201U);
  EXPECT_THAT(head("GET /api/v1/events", handshake(own_host(), "http://" + own_host())),
              testing::StartsWith("HTTP/1.1 101 "));
}

TEST_F(Pages, OfAllowedOriginsUseTheApi) {
  start({"--cors-origins", "https://app.example", "--http-allowed-hosts", "troupe.example"});
  const std::string app = "https://app.example";
  const auto asked = head("OPTIONS /api/v1/tasks", {{"Host", own_host()},
                                                    {"Origin", app},
                                                    {"Access-Control-Request-Method", "POST"},
                                                    {"Access-Control-Request-Headers", "content-type"}});
  EXPECT_THAT(asked,
              testing::AllOf(testing::StartsWith("HTTP/1.1 204 "),
                             testing::HasSubstr("\r\nAccess-Control-Allow-Origin: https://app.example\r\n"),
                             testing::HasSubstr("\r\nAccess-Control-Allow-Methods: POST, GET, HEAD, OPTIONS\r\n"),
                             testing::HasSubstr("\r\nVary: Origin\r\n")));
  const auto created = ask("POST", "/api/v1/tasks", {{"Origin", app}}, R"({"input":"x"})");
  EXPECT_EQ(created.status, 201U);
  EXPECT_EQ(created.header("Access-Control-Allow-Origin"), app);
  EXPECT_NE(created.header("Access-Control-Expose-Headers").find("Location"), std::string::npos);
  // Refusals and streams are theirs to read, too.
  const auto missing = ask("GET", "/api/v1/bots/nobody", {{"Origin", app}});
  expect_problem(missing, 404, "not_found");
  EXPECT_EQ(missing.header("Access-Control-Allow-Origin"), app);
  run_task("y");
  const auto stream = ask("GET", created.header("Location") + "/events", {{"Origin", app}});
  EXPECT_EQ(stream.header("Access-Control-Allow-Origin"), app);
  EXPECT_THAT(head("GET /api/v1/events", handshake("troupe.example", app)), testing::StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(head("GET /healthz", {{"Host", "troupe.example"}}), testing::StartsWith("HTTP/1.1 200 "));
}

TEST_F(Pages, AreNotWhatScriptsAndProbesAre) {
  EXPECT_EQ(run_task("no browser here").at("status"), "COMPLETED");
  EXPECT_THAT(exchange_bytes(server().port(), "GET /healthz HTTP/1.0\r\n\r\n").bytes,
              testing::StartsWith("HTTP/1.1 200 "));
}

// RFC 6455, section 4.4.
TEST_F(Pages, OfAnOlderWebSocketAreToldTheVersion) {
  for (const std::string version : {"8", "12", "14", ""}) {
    const auto answer = head("GET /api/v1/events", handshake(own_host(), "http://" + own_host(), version));
    EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 426 ")) << version;
    EXPECT_THAT(answer, testing::HasSubstr("\r\nSec-WebSocket-Version: 13\r\n"));
  }
}

} // namespace troupe
