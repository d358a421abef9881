#include "gateway/requests/access_log.hpp"
#include "raw_client.hpp"
#include "test_server.hpp"
#include "tests/eventually.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

/// Which requests get a line, and what it says.
namespace troupe::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

class AccessLogOfServer : public ::testing::Test {
protected:
  std::shared_ptr<access_log> log() {
    if (!log_)
      log_ = std::make_shared<access_log>(logging::style::text, "n", [this](std::string_view lines) {
        const std::lock_guard lock{mutex_};
        text_ += lines;
        return true;
      });
    return log_;
  }
  /// The lines once there are so many.
  std::vector<std::string> lines(std::size_t count) {
    const auto all = [this] {
      const std::lock_guard lock{mutex_};
      std::vector<std::string> found;
      for (std::size_t begin = 0, end = 0; (end = text_.find('\n', begin)) != std::string::npos; begin = end + 1)
        found.push_back(text_.substr(begin, end - begin));
      return found;
    };
    eventually([&] { return all().size() >= count; });
    const auto found = all();
    EXPECT_EQ(found.size(), count) << text_;
    return found.size() < count ? std::vector<std::string>(count) : found;
  }
  /// As a route is found, and answered.
  static route answering(std::string text) {
    return [text = std::move(text)](const std::shared_ptr<exchange>& request) {
      if (const auto record = request->request().access)
        record->route = "/things/{id}";
      request->respond(text_response(text));
    };
  }

private:
  std::mutex mutex_;
  std::string text_;
  std::shared_ptr<access_log> log_;
};

TEST_F(AccessLogOfServer, HasALineForEachAnswer) {
  test_server server{answering("12345"), {}, log()};
  raw_client client{server.port()};
  client.send("GET /things/7?key=secret HTTP/1.1\r\nHost: t\r\nX-Request-Id: mine\r\n\r\n");
  const auto answer = client.read_response();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->headers.at("x-request-id"), "mine");
  client.send("HEAD /things/8 HTTP/1.1\r\nHost: t\r\n\r\n");
  const auto second = client.read_response(true);
  ASSERT_TRUE(second);
  const auto found = lines(2);
  EXPECT_THAT(found[0],
              HasSubstr(" info  request method=GET route=/things/{id} path=/things/7 status=200 bytes=5 took_ms="));
  EXPECT_THAT(found[0], AllOf(HasSubstr(" request_id=mine client=127.0.0.1:"), Not(HasSubstr("secret"))));
  EXPECT_THAT(found[1], AllOf(HasSubstr("method=HEAD"), HasSubstr("bytes=0"),
                              HasSubstr(" request_id=" + second->headers.at("x-request-id"))));
}

TEST_F(AccessLogOfServer, HasOneForWhatTheServerRefusesItself) {
  transport_limits limits;
  limits.body_bytes = 10;
  limits.header_bytes = 1024;
  test_server server{answering(""), limits, log()};
  const std::vector<std::pair<std::string, std::string>> cases{
    {"GET / HTTP/1.1\r\n\r\n", "status=400"},
    {"POST /big HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\n\r\n", "method=POST path=/big status=413"},
    {"POST /big HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + std::string(255, 'x'),
     "method=POST path=/big status=413"},
    {"GET / HTTP/1.1\r\nHost: t\r\nX: " + std::string(2000, 'x') + "\r\n\r\n", "status=431"},
    {"GET / HTTP/3.0\r\nHost: t\r\n\r\n", "status=505"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    raw_client client{server.port()};
    client.send(cases[i].first);
    const auto answer = client.read_response();
    ASSERT_TRUE(answer) << i;
    const auto line = lines(i + 1).at(i);
    EXPECT_THAT(line, HasSubstr(cases[i].second));
    EXPECT_THAT(line, HasSubstr(" request_id=" + answer->headers.at("x-request-id") + " client=127.0.0.1:"));
  }
}

TEST_F(AccessLogOfServer, HasOneForARequestThatDidNotArriveInTime) {
  transport_limits limits;
  limits.header_timeout = std::chrono::seconds{1};
  test_server server{answering(""), limits, log()};
  raw_client client{server.port()};
  client.send("GET / HTTP/1.1\r\nHo");
  EXPECT_THAT(lines(1).at(0), HasSubstr(" status=408"));
}

TEST_F(AccessLogOfServer, HasOneForAConnectionTooMany) {
  transport_limits limits;
  limits.connections = 1;
  test_server server{answering(""), limits, log()};
  raw_client first{server.port()};
  first.send(get("/"));
  ASSERT_TRUE(first.read_response());
  raw_client second{server.port()};
  const auto refused = second.read_response();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503U);
  EXPECT_THAT(lines(2).at(1),
              AllOf(HasSubstr("status=503"), HasSubstr("request_id=" + refused->headers.at("x-request-id"))));
}

TEST_F(AccessLogOfServer, HasOneForAStreamAtItsEnd) {
  std::shared_ptr<exchange> open;
  signal_flag began;
  test_server server{[&](std::shared_ptr<exchange> request) {
                       request->start_stream(text_response("head"));
                       open = std::move(request);
                       began.raise();
                     },
                     {},
                     log()};
  raw_client client{server.port()};
  client.send(get("/events"));
  ASSERT_TRUE(began.wait());
  server.run([&] {
    open->write(std::make_shared<const std::string>("123"));
    open->finish();
    open = nullptr;
  });
  const auto answer = client.read_response();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "head123");
  EXPECT_THAT(lines(1).at(0), AllOf(HasSubstr(" path=/events status=200 bytes=7 "), Not(HasSubstr("cut=")),
                                    HasSubstr("request_id=" + answer->headers.at("x-request-id"))));
}

TEST_F(AccessLogOfServer, SaysThatAClientHasGone) {
  std::vector<std::shared_ptr<exchange>> open;
  signal_flag began[2];
  test_server server{[&](const std::shared_ptr<exchange>& request) {
                       request->on_disconnect([] {});
                       if (request->request().path == "/stream")
                         request->start_stream(text_response("head"));
                       open.push_back(request);
                       began[open.size() - 1].raise();
                     },
                     {},
                     log()};
  {
    raw_client waits{server.port()};
    waits.send(get("/waits"));
    ASSERT_TRUE(began[0].wait());
    waits.reset();
  }
  EXPECT_THAT(lines(1).at(0), AllOf(HasSubstr(" path=/waits status=499 bytes=0 "), HasSubstr(" cut=client_gone")));
  {
    raw_client streams{server.port()};
    streams.send(get("/stream"));
    ASSERT_TRUE(began[1].wait());
    ASSERT_TRUE(streams.read_until("head"));
    streams.reset();
  }
  EXPECT_THAT(lines(2).at(1), AllOf(HasSubstr(" path=/stream status=200 bytes=4 "), HasSubstr(" cut=client_gone")));
  server.run([&] { open.clear(); });
}

TEST_F(AccessLogOfServer, HasOneForAWebSocketAtItsEnd) {
  auto listener = std::make_shared<test_listener>();
  test_server server{[&](const std::shared_ptr<exchange>& request) { request->upgrade(listener); }, {}, log()};
  {
    raw_client client{server.port()};
    ASSERT_TRUE(client.upgrade("/ws"));
    client.send_frame(1, "hello");
    ASSERT_TRUE(client.read_frame());
    client.send_frame(8, "\x03\xe8");
    ASSERT_TRUE(client.read_frame());
  }
  EXPECT_THAT(lines(1).at(0), AllOf(HasSubstr(" path=/ws status=101 bytes=5 "),
                                    HasSubstr(" close_code=1000 frames_in=1 frames_out=1")));
  {
    raw_client client{server.port()};
    ASSERT_TRUE(client.upgrade("/ws"));
    client.send_frame(2, "binary");
    ASSERT_TRUE(client.read_frame());
  }
  EXPECT_THAT(lines(2).at(1), HasSubstr(" close_code=1003 frames_in=0 frames_out=0"));
  {
    raw_client client{server.port()};
    ASSERT_TRUE(client.upgrade("/ws"));
    client.reset();
  }
  EXPECT_THAT(lines(3).at(2), HasSubstr(" close_code=1006"));
  {
    raw_client client{server.port()};
    ASSERT_TRUE(client.upgrade("/ws"));
    client.send_frame(1, "\xff");
    ASSERT_TRUE(client.read_frame());
  }
  EXPECT_THAT(lines(4).at(3), HasSubstr(" close_code=1007"));
}

TEST_F(AccessLogOfServer, TheHandshakeBearsTheRequestsName) {
  auto listener = std::make_shared<test_listener>();
  test_server server{[&](const std::shared_ptr<exchange>& request) { request->upgrade(listener); }};
  raw_client client{server.port()};
  client.send(
    "GET /ws HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Request-Id: mine\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n").value_or(""), HasSubstr("\r\nX-Request-Id: mine\r\n"));
}

TEST_F(AccessLogOfServer, EachPipelinedRequestHasItsOwnName) {
  test_server server{answering("1"), {}, log()};
  raw_client client{server.port()};
  client.send("GET /a HTTP/1.1\r\nHost: t\r\nX-Request-Id: one\r\n\r\nGET /b HTTP/1.1\r\nHost: t\r\n\r\n"
              "GET /c HTTP/1.1\r\nHost: t\r\nX-Request-Id: three\r\n\r\n");
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.read_response();
    ASSERT_TRUE(answer);
    ids.push_back(answer->headers.at("x-request-id"));
  }
  EXPECT_EQ(ids[0], "one");
  EXPECT_EQ(ids[2], "three");
  EXPECT_THAT(ids[1], MatchesRegex("[a-z0-9]+"));
  const auto found = lines(3);
  EXPECT_THAT(found[1], AllOf(HasSubstr("path=/b"), HasSubstr("request_id=" + ids[1])));
}

} // namespace
} // namespace troupe::testing
