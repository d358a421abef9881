#include "gateway/server.hpp"
#include "raw_client.hpp"
#include "tests/temporary_folder.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <variant>

/// The whole server in this process: started, asked, drained and taken down, one after another.
namespace troupe::testing {
namespace {

class WholeServer : public ::testing::Test {
protected:
  WholeServer() {
    settings_.http_port = 0;
    settings_.data_dir = folder_.path().string();
    settings_.worker_threads = 2;
    settings_.node_name = "in-process";
    settings_.database = "sqlite:" + folder_.file("troupe.db");
  }

  std::shared_ptr<database> open() {
    auto opened = open_database(settings_.database);
    if (const auto* refusal = std::get_if<store_error>(&opened)) {
      ADD_FAILURE() << refusal->message;
      return nullptr;
    }
    return std::get<std::shared_ptr<database>>(opened);
  }

  /// Whether a server with these settings starts, over data of its own. It is taken down again.
  static bool starts_elsewhere(settings other) {
    const temporary_folder elsewhere;
    other.database = "sqlite:" + (elsewhere.path() / "troupe.db").string();
    auto opened = open_database(other.database);
    EXPECT_TRUE(std::holds_alternative<std::shared_ptr<database>>(opened));
    boost::asio::io_context loop{1};
    server second{loop, other, std::get<std::shared_ptr<database>>(opened), nullptr};
    return second.start();
  }

  static std::optional<raw_response> ask(std::uint16_t port, const std::string& request) {
    raw_client client{port};
    client.send(request);
    return client.read_response();
  }

  static std::string post(const std::string& path, const std::string& body) {
    return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
           + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  static std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"; }

  temporary_folder folder_;
  settings settings_;
};

TEST_F(WholeServer, LivesTwiceInOneProcessAndKeepsWhatItWasTold) {
  std::string kept;
  for (int life = 1; life <= 2; ++life) {
    boost::asio::io_context loop{1};
    server running{loop, settings_, open(), nullptr};
    ASSERT_TRUE(running.start()) << life;
    if (life == 1) {
      const auto created = ask(running.port(), post("/api/v1/tasks", R"({"input": "Hello"})"));
      ASSERT_TRUE(created);
      ASSERT_EQ(created->status, 201U) << created->body;
      kept = created->headers.at("location");
    }
    const auto shown = ask(running.port(), get(kept));
    ASSERT_TRUE(shown) << life;
    EXPECT_EQ(shown->status, 200U) << shown->body;
    EXPECT_FALSE(running.draining());
    boost::asio::post(loop, [&] { running.drain(); });
    EXPECT_EQ(running.run(), 0) << life;
    EXPECT_TRUE(running.draining());
  }
}

TEST_F(WholeServer, RefusesNewWorkOnceItDrains) {
  boost::asio::io_context loop{1};
  server running{loop, settings_, open(), nullptr};
  ASSERT_TRUE(running.start());
  std::optional<raw_response> ready;
  std::optional<raw_response> refused;
  boost::asio::post(loop, [&] {
    running.drain();
    // Its lanes are there for as long as this has the loop.
    ready = ask(running.port(), get("/readyz"));
    refused = ask(running.port(), post("/api/v1/tasks", R"({"input": "Too late"})"));
  });
  EXPECT_EQ(running.run(), 0);
  ASSERT_TRUE(ready && refused);
  EXPECT_EQ(ready->body, R"({"status":"draining"})");
  EXPECT_EQ(refused->status, 503U);
}

TEST_F(WholeServer, ShowsThoseWhoWatchItHowItIsAndNothingElse) {
  settings_.metrics_port = 0;
  boost::asio::io_context loop{1};
  server running{loop, settings_, open(), nullptr};
  ASSERT_TRUE(running.start());
  const auto watched = running.metrics_port();
  ASSERT_NE(watched, running.port());
  const auto status = [&](const std::string& request) {
    const auto answer = ask(watched, request);
    return answer ? answer->status : 0U;
  };
  EXPECT_EQ(status(get("/healthz")), 200U);
  EXPECT_EQ(status(get("/readyz")), 200U);
  const auto metrics = ask(watched, get("/metrics"));
  ASSERT_TRUE(metrics);
  EXPECT_NE(metrics->body.find("troupe_queue_tasks"), std::string::npos) << metrics->body;
  for (const auto* path : {"/openapi.json", "/api/v1/tasks", "/api/v1/events", "/", "/metrics/more"})
    EXPECT_EQ(status(get(path)), 404U) << path;
  EXPECT_EQ(status(post("/api/v1/tasks", R"({"input": "Hello"})")), 404U);
  EXPECT_EQ(status(post("/metrics", "{}")), 405U);
  EXPECT_EQ(status("GET /metrics HTTP/1.1\r\nHost: rebound.example\r\n\r\n"), 421U);
  for (const auto* path : {"/metrics", "/readyz"}) {
    const auto answer = ask(running.port(), get(path));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200U) << path << " is where it was, too";
  }
  std::optional<raw_response> draining;
  boost::asio::post(loop, [&] {
    running.drain();
    draining = ask(watched, get("/readyz"));
  });
  EXPECT_EQ(running.run(), 0);
  ASSERT_TRUE(draining);
  EXPECT_EQ(draining->status, 503U);
}

TEST_F(WholeServer, DoesNotStartIfItsMetricsPortIsTaken) {
  boost::asio::io_context loop{1};
  server first{loop, settings_, open(), nullptr};
  ASSERT_TRUE(first.start());
  EXPECT_EQ(first.metrics_port(), 0U) << "none was asked for";
  auto other = settings_;
  other.metrics_port = first.port();
  EXPECT_FALSE(starts_elsewhere(other));
}

TEST_F(WholeServer, SaysSoIfItsPortIsTaken) {
  boost::asio::io_context loop{1};
  server first{loop, settings_, open(), nullptr};
  ASSERT_TRUE(first.start());
  auto other = settings_;
  other.http_port = first.port();
  EXPECT_FALSE(starts_elsewhere(other));
  // The first goes on, and both are taken down without ever having run.
  const auto alive = ask(first.port(), get("/healthz"));
  ASSERT_TRUE(alive);
  EXPECT_EQ(alive->status, 200U);
}

} // namespace
} // namespace troupe::testing
