#include "raw_client.hpp"
#include "test_server.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace troupe::testing {
namespace {

/// Answers with what it understood of the request.
void describe(const std::shared_ptr<exchange>& request) {
  const auto& r = request->request();
  request->respond(text_response(r.method_name + " " + r.path + "?" + r.query + " " + r.body));
}

TEST(HttpServer, KeepsAConnectionForManyRequests) {
  test_server server{describe};
  raw_client client{server.port()};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(get("/a?n=" + std::to_string(i))));
    const auto response = client.read_response();
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 200u);
    EXPECT_EQ(response->body, "GET /a?n=" + std::to_string(i) + " ");
    EXPECT_TRUE(response->headers.contains("date"));
    EXPECT_EQ(response->headers.at("content-type"), "text/plain");
  }
}

TEST(HttpServer, ClosesWhenAskedTo) {
  test_server server{describe};
  raw_client client{server.port()};
  client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  const auto response = client.read_response();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->headers.at("connection"), "close");
  EXPECT_TRUE(client.is_closed());
}

TEST(HttpServer, ServesHttp10AndKeepsItOnlyOnDemand) {
  test_server server{describe};
  raw_client kept{server.port()};
  for (int i = 0; i < 2; ++i) {
    kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto response = kept.read_response();
    ASSERT_TRUE(response);
    EXPECT_EQ(response->headers.at("connection"), "keep-alive");
  }
  raw_client closed{server.port()};
  closed.send("GET / HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(closed.read_response());
  EXPECT_TRUE(closed.is_closed());
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  // Every other answer comes late, so that the order is not that of the answers' making.
  std::vector<std::thread> late;
  test_server server{[&](std::shared_ptr<exchange> request) {
    if (request->request().query.back() % 2 == 0)
      return describe(request);
    late.emplace_back([request] { describe(request); });
  }};
  raw_client client{server.port()};
  std::string all;
  for (int i = 0; i < 100; ++i)
    all += get("/?" + std::to_string(i));
  client.send(all);
  for (int i = 0; i < 100; ++i) {
    const auto response = client.read_response();
    ASSERT_TRUE(response);
    EXPECT_EQ(response->body, "GET /?" + std::to_string(i) + " ");
  }
  for (auto& thread : late)
    thread.join();
}

TEST(HttpServer, AnswersPipelinedRequestsWithLargeBodiesInOrder) {
  test_server server{[](const std::shared_ptr<exchange>& request) {
    const auto& path = request->request().path;
    request->respond(text_response(std::string(path == "/large" ? 2'000'000 : 10, path.back())));
  }};
  raw_client client{server.port()};
  client.send(get("/s") + get("/large") + get("/t") + get("/large") + get("/u"));
  for (const auto& [size, letter] : {std::pair{10, 's'}, {2'000'000, 'e'}, {10, 't'}, {2'000'000, 'e'}, {10, 'u'}}) {
    const auto response = client.read_response();
    ASSERT_TRUE(response);
    EXPECT_EQ(response->body, std::string(static_cast<std::size_t>(size), letter));
  }
}

TEST(HttpServer, AnswersWhatWasSentBeforeAHalfClose) {
  test_server server{describe};
  raw_client client{server.port()};
  client.send(get("/1") + get("/2"));
  client.shut_down();
  EXPECT_EQ(client.read_response().value().body, "GET /1? ");
  EXPECT_EQ(client.read_response().value().body, "GET /2? ");
  EXPECT_TRUE(client.is_closed());
}

TEST(HttpServer, AnswersHeadWithoutABody) {
  test_server server{describe};
  raw_client client{server.port()};
  client.send("HEAD /x HTTP/1.1\r\nHost: test\r\n\r\n");
  const auto response = client.read_response(true);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->headers.at("content-length"), std::to_string(std::string{"HEAD /x? "}.size()));
  client.send(get("/y"));
  EXPECT_EQ(client.read_response().value().body, "GET /y? ");
}

TEST(HttpServer, SendsNoLengthWithAnAnswerThatNeverHasABody) {
  test_server server{[](const std::shared_ptr<exchange>& request) { request->respond({204, {}, {}, {}}); }};
  raw_client client{server.port()};
  client.send(get("/"));
  const auto response = client.read_response();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 204u);
  EXPECT_FALSE(response->headers.contains("content-length"));
}

TEST(HttpServer, AsksForABodyThatIsOfferedWithExpect) {
  test_server server{describe};
  raw_client client{server.port()};
  client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_EQ(client.read_response().value().body, "POST /? body");
}

TEST(HttpServer, ReadsAChunkedBody) {
  test_server server{describe};
  raw_client client{server.port()};
  client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n");
  client.send("6\r\n world\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_response().value().body, "POST /? hello world");
}

TEST(HttpServer, ReadsABodyAsLargeAsTheLimit) {
  test_server server{[](const std::shared_ptr<exchange>& request) {
    request->respond(text_response(std::to_string(request->request().body.size())));
  }};
  raw_client client{server.port()};
  const std::string body(1024 * 1024, 'b');
  client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_EQ(client.read_response().value().body, std::to_string(body.size()));
}

TEST(HttpServer, DropsTrailersAndDoesNotObeyThem) {
  test_server server{[](const std::shared_ptr<exchange>& request) {
    request->respond(text_response(request->request().headers.count("X-Late") == 0 ? "dropped" : "kept"));
  }};
  raw_client client{server.port()};
  client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
              "1\r\na\r\n0\r\nConnection: close\r\nX-Late: 1\r\n\r\n");
  const auto response = client.read_response();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "dropped");
  EXPECT_FALSE(response->headers.contains("connection"));
  client.send(get("/"));
  EXPECT_TRUE(client.read_response());
}

TEST(HttpServer, TakesTheAbsoluteFormOfATarget) {
  test_server server{describe};
  raw_client client{server.port()};
  client.send(get("http://other:80/path?q=1") + get("HTTP://other") + get("http://other?q"));
  EXPECT_EQ(client.read_response().value().body, "GET /path?q=1 ");
  EXPECT_EQ(client.read_response().value().body, "GET /? ");
  EXPECT_EQ(client.read_response().value().body, "GET /?q ");
}

TEST(HttpServer, TellsWhereTheClientMeansToBe) {
  test_server server{
    [](const std::shared_ptr<exchange>& request) { request->respond(text_response(request->request().authority)); }};
  raw_client client{server.port()};
  // An absolute target overrides Host (RFC 9112, section 3.2.2).
  client.send(get("/") + get("http://other/") + get("https://Other:8080?q") + get("HTTP://[::1]:80/a/b"));
  for (const auto* authority : {"test", "other", "Other:8080", "[::1]:80"})
    EXPECT_EQ(client.read_response().value().body, authority);
  client.send("CONNECT other:443 HTTP/1.1\r\nHost: mine\r\n\r\n");
  EXPECT_EQ(client.read_response().value().body, "mine");
  raw_client old{server.port()};
  old.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.read_response().value().body, "");
}

TEST(HttpServer, TakesTheFormsOfATargetWithoutAPath) {
  test_server server{describe};
  raw_client client{server.port()};
  client.send("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\nOPTIONS http://test HTTP/1.1\r\nHost: test\r\n\r\n"
              "OPTIONS http://test/ HTTP/1.1\r\nHost: test\r\n\r\nCONNECT other:443 HTTP/1.1\r\nHost: test\r\n\r\n");
  for (const auto* seen : {"OPTIONS *? ", "OPTIONS *? ", "OPTIONS /? ", "CONNECT other:443? "})
    EXPECT_EQ(client.read_response().value().body, seen);
}

TEST(HttpServer, PassesUnknownMethodsOn) {
  test_server server{describe};
  raw_client client{server.port()};
  client.send("BREW /pot HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_EQ(client.read_response().value().body, "BREW /pot? ");
}

TEST(HttpServer, SkipsEmptyLinesBeforeARequest) {
  test_server server{describe};
  raw_client client{server.port()};
  client.send("\r\n\r\n" + get("/"));
  EXPECT_EQ(client.read_response().value().status, 200u);
}

TEST(HttpServer, LetsNoHeaderValueForgeAnotherHeader) {
  test_server server{[](const std::shared_ptr<exchange>& request) {
    auto response = text_response("x");
    response.headers.emplace_back("Location", "/a\r\nSet-Cookie: b");
    request->respond(std::move(response));
  }};
  raw_client client{server.port()};
  client.send(get("/"));
  const auto response = client.read_response();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->headers.at("location"), "/a  Set-Cookie: b");
}

TEST(HttpServer, AnswersADroppedRequestWith500) {
  std::thread late;
  test_server server{[&](std::shared_ptr<exchange> request) {
    if (request->request().path == "/late")
      late = std::thread{[held = std::move(request)]() mutable { held.reset(); }};
    else if (request->request().path == "/throw")
      throw std::runtime_error("a handler fails");
  }};
  raw_client client{server.port()};
  client.send(get("/") + get("/late") + get("/throw"));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(client.read_response().value().status, 500u);
  late.join();
}

TEST(HttpServer, AddsAFieldToWhicheverAnswerIsGiven) {
  test_server server{[](const std::shared_ptr<exchange>& request) {
    request->add_header("X-Added", "to any");
    if (request->request().path == "/answer") {
      request->respond(text_response("first"));
    } else if (request->request().path == "/stream") {
      request->start_stream(text_response("first"));
      request->finish();
    }
  }};
  raw_client client{server.port()};
  client.send(get("/answer") + get("/stream") + get("/dropped"));
  for (const unsigned status : {200u, 200u, 500u}) {
    const auto response = client.read_response();
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, status);
    EXPECT_EQ(response->headers.at("x-added"), "to any");
  }
}

TEST(HttpServer, IgnoresASecondAnswer) {
  test_server server{[](const std::shared_ptr<exchange>& request) {
    request->respond(text_response("first"));
    request->respond(text_response("second"));
    request->start_stream(text_response("third"));
    request->write(std::make_shared<const std::string>("fourth"));
    request->finish();
  }};
  raw_client client{server.port()};
  client.send(get("/") + get("/"));
  EXPECT_EQ(client.read_response().value().body, "first");
  EXPECT_EQ(client.read_response().value().body, "first");
}

TEST(HttpServer, SurvivesAnswersThatComeAfterItsEnd) {
  std::shared_ptr<exchange> held;
  signal_flag arrived;
  test_server server{[&](std::shared_ptr<exchange> request) {
    held = std::move(request);
    arrived.raise();
  }};
  raw_client client{server.port()};
  client.send(get("/"));
  ASSERT_TRUE(arrived.wait());
  server.destroy();
  held->respond(text_response("too late"));
  held.reset();
  EXPECT_TRUE(client.is_closed());
}

TEST(HttpServer, TellsWhenTheClientLeaves) {
  std::shared_ptr<exchange> held;
  signal_flag gone;
  test_server server{[&](std::shared_ptr<exchange> request) {
    request->on_disconnect([&] { gone.raise(); });
    held = std::move(request);
  }};
  raw_client client{server.port()};
  // What is pipelined behind the request is not taken for a farewell, nor does it hide one.
  client.send(get("/"));
  client.send(get("/next"));
  client.reset();
  EXPECT_TRUE(gone.wait());
  server.run([&] { held.reset(); });
}

TEST(HttpServer, KeepsWhatIsPipelinedWhileItWatchesTheClient) {
  std::shared_ptr<exchange> held;
  signal_flag arrived;
  test_server server{[&](std::shared_ptr<exchange> request) {
    if (request->request().path != "/")
      return describe(request);
    request->on_disconnect([] { FAIL() << "the client is still there"; });
    held = std::move(request);
    arrived.raise();
  }};
  raw_client client{server.port()};
  client.send(get("/"));
  ASSERT_TRUE(arrived.wait());
  client.send(get("/next"));
  server.run([&] { held->respond(text_response("answer")); });
  EXPECT_EQ(client.read_response().value().body, "answer");
  EXPECT_EQ(client.read_response().value().body, "GET /next? ");
}

TEST(HttpServer, AnswersAHalfClosedClientIfNobodyWatches) {
  std::shared_ptr<exchange> held;
  signal_flag arrived;
  test_server server{[&](std::shared_ptr<exchange> request) {
    held = std::move(request);
    arrived.raise();
  }};
  raw_client client{server.port()};
  client.send(get("/"));
  client.shut_down();
  ASSERT_TRUE(arrived.wait());
  held->respond(text_response("still here"));
  EXPECT_EQ(client.read_response().value().body, "still here");
  EXPECT_TRUE(client.is_closed());
}

// -- streams ------------------------------------------------------------------------

TEST(HttpStream, SendsPartsAsTheyCome) {
  std::shared_ptr<exchange> stream;
  test_server server{[&](std::shared_ptr<exchange> request) {
    request->start_stream(text_response("head "));
    stream = std::move(request);
  }};
  raw_client client{server.port()};
  client.send(get("/"));
  ASSERT_EQ(client.read_until("head \r\n").value().substr(0, 15), "HTTP/1.1 200 OK");
  server.run([&] {
    stream->write(std::make_shared<const std::string>());
    stream->write(std::make_shared<const std::string>("part"));
  });
  EXPECT_EQ(client.read_until("part\r\n"), "4\r\npart\r\n");
  server.run([&] { stream->finish(); });
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
  client.send(get("/"));
  EXPECT_TRUE(client.read_until("head \r\n"));
  server.run([&] { stream.reset(); });
  // A stream that is dropped is cut: it must not look complete.
  EXPECT_TRUE(client.is_closed());
}

TEST(HttpStream, IsEndedInOrderByWhoeverStreamsWhenTheServerStops) {
  std::shared_ptr<exchange> stream;
  signal_flag started;
  test_server server{[&](std::shared_ptr<exchange> request) {
    request->on_disconnect([&] { stream->finish(); });
    request->start_stream(text_response("head "));
    stream = std::move(request);
    started.raise();
  }};
  raw_client client{server.port()};
  client.send(get("/"));
  ASSERT_TRUE(started.wait());
  ASSERT_TRUE(client.read_until("head \r\n"));
  // Long before the grace is over, and with an end that says that all was said.
  auto stopped = server.stop(std::chrono::hours{1});
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(stopped.wait_for(std::chrono::seconds{10}), std::future_status::ready);
  server.run([&] { stream.reset(); });
}

// An EventSource ends for good at any status but 200 (Yaffle/EventSource#88), and whoever had its request in hand and
// died is started again.
TEST(HttpStream, ThatNobodyHasBegunLetsAnEventSourceComeBack) {
  const test_server server{[](const std::shared_ptr<exchange>&) {}};
  raw_client client{server.port()};
  client.send("GET /api/v1/tasks/x/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");
  const auto answer = client.read_response();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200U);
  EXPECT_TRUE(answer->body.starts_with("retry: ")) << answer->body;
  client.send(get("/api/v1/tasks/x/events"));
  EXPECT_EQ(client.read_response().value().status, 500U) << "everybody else is told";
}

TEST(HttpStream, EndsWithTheConnectionOnHttp10) {
  test_server server{[](const std::shared_ptr<exchange>& request) {
    request->start_stream(text_response("one "));
    request->write(std::make_shared<const std::string>("two"));
    request->finish();
  }};
  raw_client client{server.port()};
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto all = client.read_all();
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->ends_with("\r\n\r\none two"));
  EXPECT_EQ(all->find("chunked"), std::string::npos);
}

TEST(HttpStream, DropsAClientThatDoesNotRead) {
  transport_limits limits;
  limits.queue_bytes = 256 * 1024;
  std::shared_ptr<exchange> stream;
  signal_flag started;
  signal_flag gone;
  test_server server{[&](std::shared_ptr<exchange> request) {
                       request->start_stream(text_response("start"));
                       request->on_disconnect([&] { gone.raise(); });
                       stream = std::move(request);
                       started.raise();
                     },
                     limits};
  raw_client client{server.port(), 4096};
  client.send(get("/"));
  ASSERT_TRUE(started.wait());
  const auto part = std::make_shared<const std::string>(64 * 1024, 'x');
  for (int i = 0; i < 1000 && server.slow_readers == 0; ++i)
    server.run([&] { stream->write(part); });
  EXPECT_EQ(server.slow_readers, 1);
  EXPECT_TRUE(gone.wait());
  server.run([&] { stream.reset(); });
}

TEST(HttpStream, NeverDropsAFastClientForALargeTurn) {
  transport_limits limits;
  limits.queue_bytes = 64 * 1024;
  constexpr int parts = 8;
  test_server server{[&](const std::shared_ptr<exchange>& request) {
                       request->start_stream(text_response({}));
                       for (int i = 0; i < parts; ++i)
                         request->write(std::make_shared<const std::string>(20 * 1024, 'x'));
                       request->finish();
                     },
                     limits};
  raw_client client{server.port()};
  client.send(get("/"));
  EXPECT_EQ(client.read_response().value().body.size(), parts * 20u * 1024u);
}

} // namespace
} // namespace troupe::testing
