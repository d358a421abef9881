#include "raw_client.hpp"
#include "test_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;

constexpr unsigned text = 1;
constexpr unsigned binary = 2;
constexpr unsigned close_frame = 8;
constexpr unsigned ping = 9;
constexpr unsigned pong = 10;

/// A server whose only route is one WebSocket with a listener that the test knows.
class WebSocket : public ::testing::Test {
protected:
  void serve(transport_limits limits = {}, bool echo = true) {
    listener = std::make_shared<test_listener>(echo);
    server.emplace([this](const std::shared_ptr<exchange>& request) { request->upgrade(listener); }, limits);
  }

  void connect(int receive_buffer = 0) {
    client.emplace(server->port(), receive_buffer);
    ASSERT_TRUE(client->upgrade());
    ASSERT_TRUE(listener->opened.wait());
  }

  void send(std::string message) {
    server->run([&] {
      if (listener->connection)
        listener->connection->send(std::make_shared<const std::string>(std::move(message)));
    });
  }

  /// The next frame is a close with this code, and then the connection ends.
  void expect_close(unsigned code) {
    const auto frame = client->read_frame();
    ASSERT_TRUE(frame);
    ASSERT_EQ(frame->opcode, close_frame);
    EXPECT_EQ(frame->close_code(), code);
    client->send_frame(close_frame, frame->payload);
    EXPECT_TRUE(client->is_closed());
    EXPECT_TRUE(listener->closed.wait());
  }

  std::shared_ptr<test_listener> listener;
  std::optional<test_server> server;
  std::optional<raw_client> client;
};

TEST_F(WebSocket, EchoesMessagesOfAllLengths) {
  serve();
  connect();
  for (const std::size_t size : {0u, 1u, 125u, 126u, 300u, 65535u, 65536u, 1024u * 1024u}) {
    const std::string message(size, 'm');
    client->send_frame(text, message);
    const auto frame = client->read_frame();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->opcode, text);
    EXPECT_EQ(frame->payload, message);
  }
  // The frames of a turn are reported behind it: once for the turn that is running,
  // once for what it has left behind.
  server->run([] {});
  server->run([] {});
  EXPECT_EQ(server->frames_received, 8u);
  EXPECT_EQ(server->frames_sent, 8u);
  EXPECT_EQ(server->websocket_connections, 1);
  EXPECT_EQ(server->http_connections, 0);
}

TEST_F(WebSocket, PutsFragmentsTogether) {
  serve();
  connect();
  client->send_frame(text, "one ", false);
  client->send_frame(ping, "between");
  client->send_frame(0, "two", true);
  const auto answer = client->read_frame();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->opcode, pong);
  EXPECT_EQ(answer->payload, "between");
  EXPECT_EQ(client->read_frame().value().payload, "one two");
}

TEST_F(WebSocket, ReadsFramesThatCameWithTheHandshake) {
  serve();
  client.emplace(server->port());
  std::string early = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  early += std::string("\x81\x85\0\0\0\0early", 11);
  client->send(early);
  ASSERT_EQ(client->read_response(true).value().status, 101u);
  EXPECT_EQ(client->read_frame().value().payload, "early");
}

TEST(WebSocketHandshake, HasTheFieldsThatWereAddedAndNamesNoLibrary) {
  const auto listener = std::make_shared<test_listener>();
  test_server server{[&](const std::shared_ptr<exchange>& request) {
    request->add_header("X-Added", "to any");
    request->upgrade(listener);
  }};
  raw_client client{server.port()};
  client.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  const auto response = client.read_response(true);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 101u);
  EXPECT_EQ(response->headers.at("x-added"), "to any");
  EXPECT_EQ(response->headers.at("server"), "Troupe");
}

TEST_F(WebSocket, KeepsTheOrderOfABurst) {
  serve();
  connect();
  server->run([&] {
    for (int i = 0; i < 5000; ++i)
      listener->connection->send(std::make_shared<const std::string>(std::to_string(i)));
  });
  client->send_frame(ping, "after");
  int next = 0;
  bool answered = false;
  while (next < 5000 || !answered) {
    const auto frame = client->read_frame();
    ASSERT_TRUE(frame);
    if (frame->opcode == pong)
      answered = true;
    else
      ASSERT_EQ(frame->payload, std::to_string(next++));
  }
}

TEST_F(WebSocket, MixesLargeAndSmallMessages) {
  serve();
  connect();
  const std::string large(3'000'000, 'l');
  server->run([&] {
    listener->connection->send(std::make_shared<const std::string>("a"));
    listener->connection->send(std::make_shared<const std::string>(large));
    listener->connection->send(std::make_shared<const std::string>("b"));
    EXPECT_GE(listener->connection->queued_bytes(), 1u);
  });
  EXPECT_EQ(client->read_frame().value().payload, "a");
  EXPECT_EQ(client->read_frame().value().payload, large);
  EXPECT_EQ(client->read_frame().value().payload, "b");
}

TEST_F(WebSocket, ClosesWithTheCodeItIsGiven) {
  serve();
  connect();
  server->run([&] {
    listener->connection->send(std::make_shared<const std::string>("last"));
    listener->connection->close(4001, std::string(200, 'r'));
    listener->connection->send(std::make_shared<const std::string>("dropped"));
  });
  EXPECT_EQ(client->read_frame().value().payload, "last");
  expect_close(4001);
  EXPECT_EQ(server->websocket_connections, 0);
}

TEST_F(WebSocket, AnswersTheClientsClose) {
  serve();
  connect();
  client->send_frame(close_frame, std::string("\x03\xe8", 2));
  const auto frame = client->read_frame();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->close_code(), 1000u);
  EXPECT_TRUE(client->is_closed());
  EXPECT_TRUE(listener->closed.wait());
}

TEST_F(WebSocket, NoticesAClientThatIsGone) {
  serve();
  connect();
  client->reset();
  EXPECT_TRUE(listener->closed.wait());
}

TEST_F(WebSocket, RefusesBinaryMessages) {
  serve();
  connect();
  client->send_frame(binary, "bytes");
  expect_close(1003);
}

TEST_F(WebSocket, RefusesInvalidUtf8) {
  serve();
  connect();
  client->send_frame(text, "\xff\xfe");
  expect_close(1007);
}

// RFC 6455, section 8.1: the message is judged, and not each fragment.
TEST_F(WebSocket, RefusesACharacterThatIsCutBeforeAnEmptyLastFragment) {
  for (const std::string cut : {"\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xf0\x9f", "good \xe2"}) {
    serve();
    connect();
    client->send_frame(text, cut, false);
    client->send_frame(0, "");
    expect_close(1007);
  }
}

TEST_F(WebSocket, TakesACharacterThatIsWholeBeforeAnEmptyLastFragment) {
  serve();
  connect();
  for (const std::string whole : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "a", ""}) {
    client->send_frame(text, whole, false);
    client->send_frame(0, "");
    EXPECT_EQ(client->read_frame().value().payload, whole);
  }
}

TEST_F(WebSocket, RefusesALongMessage) {
  transport_limits limits;
  limits.message_bytes = 1000;
  serve(limits);
  connect();
  client->send_frame(text, std::string(1000, 'x'));
  EXPECT_EQ(client->read_frame().value().payload.size(), 1000u);
  client->send_frame(text, std::string(1001, 'x'));
  expect_close(1009);
}

TEST_F(WebSocket, RefusesUnmaskedFrames) {
  serve();
  connect();
  client->send(std::string("\x81\x02hi", 4));
  expect_close(1002);
}

TEST_F(WebSocket, RefusesAnUpgradeThatIsNone) {
  serve();
  client.emplace(server->port());
  client->send(get("/"));
  EXPECT_EQ(client->read_response().value().status, 400u);
}

TEST_F(WebSocket, PingsAndDropsAClientThatIsSilent) {
  transport_limits limits;
  limits.websocket_idle_timeout = 2s;
  serve(limits);
  connect();
  const auto first = client->read_frame();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->opcode, ping);
  client->send_frame(pong, first->payload);
  const auto second = client->read_frame();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->opcode, ping);
  EXPECT_TRUE(client->is_closed());
  EXPECT_TRUE(listener->closed.wait());
}

// -- slow readers -----------------------------------------------------------------

TEST_F(WebSocket, ClosesASlowReaderWith1013AndDropsItsQueue) {
  transport_limits limits;
  limits.queue_bytes = 256 * 1024;
  serve(limits);
  connect(4096);
  const std::string message(16 * 1024, 'x');
  std::size_t sent = 0;
  while (server->slow_readers == 0 && sent < 10'000) {
    send(message);
    ++sent;
  }
  ASSERT_EQ(server->slow_readers, 1);
  server->run([&] { EXPECT_LT(listener->connection->queued_bytes(), 64u * 1024u); });
  // Whole frames up to the close: the cut is between two of them.
  std::size_t received = 0;
  for (;;) {
    const auto frame = client->read_frame();
    ASSERT_TRUE(frame);
    if (frame->opcode == close_frame) {
      EXPECT_EQ(frame->close_code(), 1013u);
      break;
    }
    EXPECT_EQ(frame->payload, message);
    ++received;
  }
  EXPECT_LT(received, sent);
}

TEST_F(WebSocket, DropsASlowReaderThatNeverReads) {
  transport_limits limits;
  limits.queue_bytes = 64 * 1024;
  serve(limits);
  connect(4096);
  const std::string message(16 * 1024, 'x');
  for (int i = 0; i < 10'000 && server->slow_readers == 0; ++i)
    send(message);
  ASSERT_EQ(server->slow_readers, 1);
  EXPECT_TRUE(listener->closed.wait());
  EXPECT_EQ(server->websocket_connections, 0);
}

TEST_F(WebSocket, NeverMistakesALargeTurnForASlowReader) {
  transport_limits limits;
  limits.queue_bytes = 600 * 1024;
  serve(limits);
  connect();
  // More than the limit in one turn, which a socket of a reading client takes at once.
  server->run([&] {
    for (int i = 0; i < 12; ++i)
      listener->connection->send(std::make_shared<const std::string>(64 * 1024, 'x'));
  });
  for (int i = 0; i < 12; ++i)
    EXPECT_EQ(client->read_frame().value().payload.size(), 64u * 1024u);
  EXPECT_EQ(server->slow_readers, 0);
}

TEST_F(WebSocket, ListenerSurvivesTheServersEnd) {
  serve();
  connect();
  server->destroy();
  listener->connection->send(std::make_shared<const std::string>("nobody"));
  EXPECT_EQ(listener->connection->queued_bytes(), 0u);
  listener->connection.reset();
}

// -- stop ---------------------------------------------------------------------------

TEST_F(WebSocket, IsClosedWith1012WhenTheServerStops) {
  serve();
  connect();
  auto done = server->stop(10s);
  expect_close(1012);
  EXPECT_EQ(done.wait_for(10s), std::future_status::ready);
}

TEST_F(WebSocket, IsDroppedAfterTheGraceIfItDoesNotAnswerTheClose) {
  serve();
  connect();
  auto done = server->stop(200ms);
  EXPECT_EQ(client->read_frame().value().close_code(), 1012u);
  EXPECT_EQ(done.wait_for(10s), std::future_status::ready);
  EXPECT_TRUE(listener->closed.wait());
  EXPECT_TRUE(client->is_closed());
}

TEST(HttpServerStop, AnswersWhatIsInProgressAndEndsIdleConnections) {
  std::shared_ptr<exchange> held;
  signal_flag arrived;
  test_server server{[&](std::shared_ptr<exchange> request) {
    if (request->request().path != "/slow")
      return request->respond(text_response("quick"));
    held = std::move(request);
    arrived.raise();
  }};
  raw_client idle{server.port()};
  idle.send(get("/"));
  ASSERT_TRUE(idle.read_response());
  raw_client busy{server.port()};
  busy.send(get("/slow"));
  ASSERT_TRUE(arrived.wait());

  auto done = server.stop(10s);
  EXPECT_TRUE(idle.is_closed());
  EXPECT_EQ(done.wait_for(0s), std::future_status::timeout);
  held->respond(text_response("finished"));
  const auto response = busy.read_response();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "finished");
  EXPECT_EQ(response->headers.at("connection"), "close");
  EXPECT_TRUE(busy.is_closed());
  busy.shut_down();
  busy.reset();
  EXPECT_EQ(done.wait_for(10s), std::future_status::ready);
  EXPECT_THROW(raw_client{server.port()}, std::runtime_error);
}

TEST(HttpServerStop, DropsWhatIsLeftAfterTheGrace) {
  std::shared_ptr<exchange> held;
  signal_flag arrived;
  signal_flag gone;
  test_server server{[&](std::shared_ptr<exchange> request) {
    request->on_disconnect([&] { gone.raise(); });
    held = std::move(request);
    arrived.raise();
  }};
  raw_client client{server.port()};
  client.send(get("/"));
  ASSERT_TRUE(arrived.wait());
  auto done = server.stop(100ms);
  EXPECT_EQ(done.wait_for(10s), std::future_status::ready);
  EXPECT_TRUE(gone.wait());
  EXPECT_TRUE(client.is_closed());
  held.reset();
}

TEST(HttpServerStop, IsDoneAtOnceWithoutConnections) {
  test_server server{[](const std::shared_ptr<exchange>&) {}};
  EXPECT_EQ(server.stop(10s).wait_for(10s), std::future_status::ready);
}

} // namespace
} // namespace troupe::testing
