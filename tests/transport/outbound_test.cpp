#include "outbound_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// -- requests ---------------------------------------------------------------------

TEST(OutboundClient, SendsARequestAndBringsItsAnswer) {
  stub_request got;
  provider_stub stub{[&](stub_connection& connection) {
    if (auto request = connection.read_request())
      got = std::move(*request);
    connection.write(answer("hello", "X-Answer: Yes\r\n"));
  }};
  beast_client client{loopback_config()};
  auto request = make_request("POST", url_of(stub, "/v1/chat?a=b#c"), "{}");
  request.headers = {{"Content-Type", "application/json"}, {"Authorization", "Bearer x"}};
  const auto listener = call(client, std::move(request));
  EXPECT_TRUE(listener->ended());
  EXPECT_EQ(listener->status(), 200U);
  EXPECT_EQ(listener->head()->header("x-answer"), "Yes");
  EXPECT_EQ(listener->body(), "hello");
  EXPECT_EQ(got.body, "{}");
  const auto host = "127.0.0.1:" + std::to_string(stub.port());
  EXPECT_EQ(got.head, "POST /v1/chat?a=b HTTP/1.1\r\nHost: " + host
                        + "\r\nUser-Agent: troupe/" TROUPE_VERSION "\r\nAccept-Encoding: identity\r\n"
                          "Content-Type: application/json\r\nAuthorization: Bearer x\r\nContent-Length: 2\r\n\r\n");
}

TEST(OutboundClient, PassesOverHeadersOfHostFramingAndConnection) {
  std::string head;
  provider_stub stub{[&](stub_connection& connection) {
    head = connection.read_head().value_or("");
    connection.write(answer("ok"));
  }};
  beast_client client{loopback_config()};
  auto request = make_request("GET", url_of(stub));
  for (const auto* name : {"Host", "content-LENGTH", "Transfer-Encoding", "Connection", "Upgrade", "TE", "Trailer",
                           "Proxy-Authorization", "Keep-Alive", "Expect", "Accept-Encoding"})
    request.headers.emplace_back(name, "evil");
  request.headers.emplace_back("X-Twice", "1");
  request.headers.emplace_back("X-Twice", "2");
  EXPECT_TRUE(call(client, std::move(request))->ended());
  EXPECT_THAT(head, Not(HasSubstr("evil")));
  EXPECT_THAT(head, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(head, HasSubstr("X-Twice: 1\r\nX-Twice: 2\r\n"));
}

TEST(OutboundClient, RefusesHeadersThatBreakOutOfTheirLine) {
  provider_stub stub{always(answer("ok"))};
  beast_client client{loopback_config()};
  const std::pair<std::string, std::string> bad[]{
    {"X-A", "b\r\nX-Evil: 1"},         {"X-A", "b\nc"}, {"X-A", "b\rc"},
    {"X-A", std::string{"b\0c", 3}},   {"X A", "b"},    {"X-A:", "b"},
    {"X-A\r\nX-Evil: 1", "b"},         {"", "b"},       {"X-\xc3\xbc", "b"},
    {"X-A", std::string(70'000, 'x')},
  };
  for (const auto& header : bad) {
    auto request = make_request("GET", url_of(stub));
    request.headers = {header};
    const auto listener = call(client, std::move(request));
    ASSERT_TRUE(listener->failure().has_value()) << header.first;
    EXPECT_EQ(listener->failure()->code, outbound_errc::refused);
    EXPECT_FALSE(listener->failure()->sent);
  }
  for (const auto* method : {"", "GET /", "GET\r\nX: y"})
    EXPECT_EQ(call(client, make_request(method, url_of(stub)))->failure()->code, outbound_errc::refused);
  EXPECT_EQ(stub.connections(), 0);
}

TEST(OutboundClient, RefusesUrlsThatAreNone) {
  beast_client client{loopback_config()};
  for (const auto* url : {"", "ftp://127.0.0.1/", "http://user:secret@127.0.0.1/", "http://127.0.0.1:x/"}) {
    const auto failure = call(client, make_request("GET", url))->failure();
    ASSERT_TRUE(failure.has_value()) << url;
    EXPECT_EQ(failure->code, outbound_errc::refused);
    EXPECT_THAT(failure->error, Not(HasSubstr("secret")));
  }
}

// -- answers ----------------------------------------------------------------------

TEST(OutboundClient, PassesPartsOnAsTheyCome) {
  signal_flag first;
  signal_flag second;
  provider_stub stub{[&](stub_connection& connection) {
    connection.read_request();
    connection.write(chunked_head);
    connection.write("3\r\none\r\n");
    EXPECT_TRUE(first.wait());
    connection.write("3\r\ntwo\r\n");
    EXPECT_TRUE(second.wait());
    connection.write("0\r\n\r\n");
  }};
  beast_client client{loopback_config()};
  const auto listener = std::make_shared<recording_listener>();
  client.start(make_request("GET", url_of(stub)), listener);
  EXPECT_TRUE(listener->wait_for_head());
  EXPECT_TRUE(listener->wait_for_body("one"));
  first.raise();
  EXPECT_TRUE(listener->wait_for_body("onetwo"));
  EXPECT_FALSE(listener->ended());
  second.raise();
  EXPECT_TRUE(listener->wait_for_end());
  EXPECT_TRUE(listener->ended());
}

TEST(OutboundClient, ReadsABodyUntilTheConnectionEnds) {
  provider_stub stub{once("HTTP/1.1 200 OK\r\n\r\nall of it")};
  beast_client client{loopback_config()};
  const auto listener = get_from(client, stub);
  EXPECT_TRUE(listener->ended());
  EXPECT_EQ(listener->body(), "all of it");
}

TEST(OutboundClient, SkipsInterimAnswers) {
  provider_stub stub{once("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + answer("ok"))};
  beast_client client{loopback_config()};
  const auto listener = get_from(client, stub);
  EXPECT_EQ(listener->status(), 200U);
  EXPECT_EQ(listener->body(), "ok");
}

TEST(OutboundClient, DoesNotFollowRedirects) {
  provider_stub stub{once("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")};
  beast_client client{loopback_config()};
  const auto listener = get_from(client, stub);
  EXPECT_TRUE(listener->ended());
  EXPECT_EQ(listener->status(), 302U);
  EXPECT_EQ(listener->head()->header("location"), "http://127.0.0.1:1/");
}

TEST(OutboundClient, ReadsNoBodyBehindHead) {
  provider_stub stub{always("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")};
  beast_client client{loopback_config()};
  EXPECT_TRUE(call(client, make_request("HEAD", url_of(stub)))->ended());
  EXPECT_TRUE(call(client, make_request("HEAD", url_of(stub)))->ended());
  EXPECT_EQ(stub.connections(), 1);
}

TEST(OutboundClient, TakesALargeAnswer) {
  std::string body(5 * 1024 * 1024, 'x');
  for (std::size_t i = 0; i < body.size(); i += 997)
    body[i] = static_cast<char>('a' + i % 26);
  provider_stub stub{once(answer(body))};
  beast_client client{loopback_config()};
  EXPECT_EQ(get_from(client, stub)->body(), body);
}

TEST(OutboundClient, TellsOfAnAnswerThatIsCutOff) {
  for (const auto* text : {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "HTTP/1.1 200 OK\r\nContent-Le",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"}) {
    provider_stub stub{once(text)};
    beast_client client{loopback_config()};
    const auto failure = get_from(client, stub)->failure();
    ASSERT_TRUE(failure.has_value()) << text;
    EXPECT_EQ(failure->code, outbound_errc::cut_off);
    EXPECT_TRUE(failure->sent);
    EXPECT_THAT(failure->error, StartsWith("127.0.0.1:" + std::to_string(stub.port()) + " ended the connection"));
  }
}

TEST(OutboundClient, TellsOfAConnectionThatIsReset) {
  provider_stub stub{[](stub_connection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\n\r\nhalf");
    connection.reset();
  }};
  beast_client client{loopback_config()};
  // A body that ends with the connection does not end with a reset.
  EXPECT_EQ(get_from(client, stub)->failure()->code, outbound_errc::cut_off);
}

TEST(OutboundClient, RefusesAnAnswerThatIsTooLong) {
  for (const auto& text : {answer("123456"), std::string{"HTTP/1.1 200 OK\r\n\r\n123456"},
                           std::string{chunked_head} + "3\r\n123\r\n3\r\n456\r\n0\r\n\r\n"}) {
    provider_stub stub{once(text)};
    beast_client client{loopback_config()};
    auto request = make_request("GET", url_of(stub));
    request.max_answer = 5;
    const auto failure = call(client, std::move(request))->failure();
    ASSERT_TRUE(failure.has_value()) << text;
    EXPECT_EQ(failure->code, outbound_errc::malformed);
    EXPECT_THAT(failure->error, EndsWith("is longer than 5 bytes."));
  }
}

TEST(OutboundClient, RefusesAnswersThatAreNoHttp) {
  const auto long_header = "HTTP/1.1 200 OK\r\nX-A: " + std::string(70'000, 'x') + "\r\n\r\n";
  for (const auto& text :
       {std::string{"SSH-2.0-OpenSSH_9.2\r\n"}, std::string{"HTTP/1.1 200 OK\r\nbad header\r\n\r\n"}, long_header,
        answer("x", "Content-Encoding: gzip\r\n"), std::string{"HTTP/1.1 101 Switching Protocols\r\n\r\n"}}) {
    provider_stub stub{once(text)};
    beast_client client{loopback_config()};
    const auto listener = get_from(client, stub);
    ASSERT_TRUE(listener->failure().has_value()) << text.substr(0, 60);
    EXPECT_EQ(listener->failure()->code, outbound_errc::malformed);
    EXPECT_THAT(listener->failure()->error, StartsWith("The answer of 127.0.0.1:"));
    EXPECT_FALSE(listener->head().has_value());
  }
}

TEST(OutboundClient, ReadsAnAnswerThatComesBeforeTheRequestIsWritten) {
  provider_stub stub{[](stub_connection& connection) {
    connection.read_head();
    connection.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
    connection.wait_for_end();
  }};
  beast_client client{loopback_config()};
  const auto listener = call(client, make_request("POST", url_of(stub), std::string(32 * 1024 * 1024, 'x')));
  EXPECT_EQ(listener->status(), 413U);
  EXPECT_EQ(listener->body(), "big");
  EXPECT_TRUE(listener->ended());
}

// -- connections ------------------------------------------------------------------

TEST(OutboundConnections, AreUsedAgain) {
  provider_stub stub{always(answer("ok"))};
  beast_client client{loopback_config()};
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(get_from(client, stub)->body(), "ok");
  EXPECT_EQ(stub.connections(), 1);
  const auto stats = client.stats();
  EXPECT_EQ(stats.connections_opened, 1U);
  EXPECT_EQ(stats.requests, 5U);
  EXPECT_EQ(stats.reused, 4U);
}

TEST(OutboundConnections, AreNotUsedAgainIfTheyCannotBe) {
  for (const auto& text :
       {answer("ok", "Connection: close\r\n"), "HTTP/1.0" + answer("ok").substr(8), answer("ok") + "x"}) {
    provider_stub stub{[text](stub_connection& connection) {
      connection.read_request();
      connection.write(text);
      connection.wait_for_end();
    }};
    beast_client client{loopback_config()};
    EXPECT_EQ(get_from(client, stub)->body(), "ok");
    EXPECT_EQ(get_from(client, stub)->body(), "ok");
    EXPECT_EQ(stub.connections(), 2) << text;
  }
}

TEST(OutboundConnections, ThatWereClosedMeanwhileAreNotUsed) {
  signal_flag closed[2];
  std::atomic<std::size_t> next = 0;
  provider_stub stub{[&](stub_connection& connection) {
    connection.read_request();
    connection.write(answer("ok"));
    connection.close();
    closed[next++].raise();
  }};
  beast_client client{loopback_config()};
  for (auto& one : closed) {
    // Not safe to be sent twice: it must not meet the closed connection at all.
    const auto listener = call(client, make_request("POST", url_of(stub), "x"));
    EXPECT_TRUE(listener->ended());
    EXPECT_TRUE(one.wait());
  }
  EXPECT_EQ(client.stats().reused, 0U);
}

/// Answers the first request of each connection, and closes over the second.
void close_over_the_second(stub_connection& connection) {
  connection.read_request();
  connection.write(answer("ok"));
  connection.read_request();
  connection.close();
}

TEST(OutboundConnections, ThatTurnOutToBeClosedAreReplacedIfThatIsSafe) {
  provider_stub stub{close_over_the_second};
  beast_client client{loopback_config()};
  EXPECT_TRUE(get_from(client, stub)->ended());
  const auto second = get_from(client, stub);
  EXPECT_TRUE(second->ended());
  EXPECT_EQ(second->body(), "ok");
  EXPECT_EQ(stub.connections(), 2);
}

TEST(OutboundConnections, ThatTurnOutToBeClosedFailAPost) {
  provider_stub stub{close_over_the_second};
  beast_client client{loopback_config()};
  EXPECT_TRUE(get_from(client, stub)->ended());
  const auto failure = call(client, make_request("POST", url_of(stub), "x"))->failure();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, outbound_errc::cut_off);
  EXPECT_TRUE(failure->sent);
  EXPECT_EQ(stub.connections(), 1);
}

/// Proxies reset a connection that they have kept, just when the next request comes: before
/// it is read, or when it is.
TEST(OutboundConnections, ThatAreDroppedAreReplacedForAPostThatMayBeRepeated) {
  const std::vector<provider_stub::script> drops{close_over_the_second,
                                                 [](stub_connection& connection) {
                                                   connection.read_request();
                                                   connection.write(answer("ok"));
                                                   connection.read_request();
                                                   connection.reset();
                                                 },
                                                 [](stub_connection& connection) {
                                                   connection.read_request();
                                                   connection.write(answer("ok"));
                                                   connection.read_head();
                                                   connection.reset();
                                                 }};
  for (const auto& drop : drops) {
    provider_stub stub{drop};
    beast_client client{loopback_config()};
    EXPECT_TRUE(get_from(client, stub)->ended());
    auto request = make_request("POST", url_of(stub), std::string(100'000, 'x'));
    request.repeat_if_dropped = true;
    const auto second = call(client, std::move(request));
    EXPECT_TRUE(second->ended());
    EXPECT_EQ(second->body(), "ok");
    EXPECT_EQ(stub.connections(), 2);
  }
}

TEST(OutboundConnections, ThatEndWithinAnAnswerFailAPostThatMayBeRepeated) {
  provider_stub stub{[](stub_connection& connection) {
    connection.read_request();
    connection.write(answer("ok"));
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Le");
    connection.reset();
  }};
  beast_client client{loopback_config()};
  EXPECT_TRUE(get_from(client, stub)->ended());
  auto request = make_request("POST", url_of(stub), "x");
  request.repeat_if_dropped = true;
  EXPECT_EQ(call(client, std::move(request))->failure()->code, outbound_errc::cut_off);
  EXPECT_EQ(stub.connections(), 1);
}

TEST(OutboundConnections, AreTriedOnceMoreAndNotForever) {
  std::atomic<int> requests = 0;
  provider_stub stub{[&](stub_connection& connection) {
    connection.read_request();
    if (++requests == 1) {
      connection.write(answer("ok"));
      connection.read_request();
    }
    connection.close();
  }};
  beast_client client{loopback_config()};
  EXPECT_TRUE(get_from(client, stub)->ended());
  EXPECT_EQ(get_from(client, stub)->failure()->code, outbound_errc::cut_off);
  EXPECT_EQ(stub.connections(), 2);
}

TEST(OutboundConnections, AreLetGoWhenTheyAreNotUsed) {
  std::atomic<int> ended = 0;
  provider_stub stub{[&](stub_connection& connection) {
    connection.read_request();
    connection.write(answer("ok"));
    if (connection.wait_for_end())
      ++ended;
  }};
  auto config = loopback_config();
  config.idle_time = 50ms;
  beast_client client{config};
  EXPECT_TRUE(get_from(client, stub)->ended());
  EXPECT_TRUE(eventually([&] { return ended == 1; }));
}

TEST(OutboundConnections, AreKeptInLimitedNumbers) {
  constexpr int calls = 5;
  std::atomic<int> waiting = 0;
  std::atomic<int> ended = 0;
  signal_flag go;
  provider_stub stub{[&](stub_connection& connection) {
    connection.read_request();
    if (++waiting == calls)
      go.raise();
    EXPECT_TRUE(go.wait());
    connection.write(answer("ok"));
    if (connection.wait_for_end())
      ++ended;
  }};
  auto config = loopback_config();
  config.max_idle = 2;
  beast_client client{config};
  std::vector<std::shared_ptr<recording_listener>> listeners;
  for (int i = 0; i < calls; ++i) {
    listeners.push_back(std::make_shared<recording_listener>());
    client.start(make_request("GET", url_of(stub)), listeners.back());
  }
  for (const auto& one : listeners)
    EXPECT_TRUE(one->wait_for_end());
  EXPECT_TRUE(eventually([&] { return ended == calls - 2; }));
}

TEST(OutboundConnections, ServeManyCallsAtOnce) {
  constexpr int calls = 200;
  provider_stub stub{always(std::string{chunked_head} + "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n")};
  beast_client client{loopback_config()};
  for (int round = 0; round < 3; ++round) {
    std::vector<std::shared_ptr<recording_listener>> listeners;
    for (int i = 0; i < calls; ++i) {
      listeners.push_back(std::make_shared<recording_listener>());
      client.start(make_request("POST", url_of(stub), std::to_string(i)), listeners.back());
    }
    for (const auto& one : listeners) {
      ASSERT_TRUE(one->wait_for_end());
      ASSERT_EQ(one->body(), "abcd");
    }
  }
  EXPECT_LE(stub.connections(), calls);
  EXPECT_GE(client.stats().reused, 2U * calls);
}

} // namespace
} // namespace troupe::testing
