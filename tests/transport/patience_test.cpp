#include "raw_client.hpp"
#include "test_server.hpp"
#include "tests/eventually.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

/// What one client may hold of a server: how slowly it may send and read, how much it and
/// all of them together may leave unfinished or unread, and what becomes of the others.
namespace troupe::testing {
namespace {

using namespace std::chrono_literals;

constexpr unsigned text = 1;
constexpr unsigned close_frame = 8;
constexpr unsigned ping = 9;

constexpr std::size_t mebibyte = 1024 * 1024;

void echo(const std::shared_ptr<exchange>& request) {
  request->respond(text_response(std::to_string(request->request().body.size())));
}

/// The header of a POST, without its body.
std::string post(std::size_t length) {
  return "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
}

/// Sends a byte every now and then, until the server answers or a while is over.
std::optional<raw_response> trickle(raw_client& client, std::string_view unit) {
  std::atomic<bool> answered = false;
  std::thread sender{[&] {
    while (!answered && client.send(unit))
      std::this_thread::sleep_for(100ms);
  }};
  auto answer = client.read_response();
  answered = true;
  sender.join();
  return answer;
}

// -- who sends too slowly -----------------------------------------------------------

TEST(SlowBody, IsCutThoughItNeverStops) {
  transport_limits limits;
  limits.progress_timeout = 1s;
  test_server server{echo, limits};
  raw_client client{server.port()};
  client.send(post(1000));
  const auto answer = trickle(client, "x");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408u);
}

TEST(SlowBody, InChunksIsCutThoughItNeverStops) {
  transport_limits limits;
  limits.progress_timeout = 1s;
  test_server server{echo, limits};
  raw_client client{server.port()};
  client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
  const auto answer = trickle(client, "1\r\nx\r\n");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408u);
}

TEST(SlowBody, IsCutWhenItsTimeIsUpHoweverFastItCame) {
  transport_limits limits;
  limits.least_progress = 1;
  limits.transfer_timeout = 1s;
  limits.least_rate = mebibyte;
  test_server server{echo, limits};
  raw_client client{server.port()};
  client.send(post(mebibyte));
  const auto answer = trickle(client, "more than nothing");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408u);
}

TEST(SlowBody, ThatComesFastEnoughIsTaken) {
  transport_limits limits;
  limits.progress_timeout = 1s;
  limits.least_progress = 4;
  test_server server{echo, limits};
  raw_client client{server.port()};
  client.send(post(20));
  const auto answer = trickle(client, "x");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200u);
  EXPECT_EQ(answer->body, "20");
}

TEST(SlowMessage, IsCutWith1008) {
  transport_limits limits;
  limits.progress_timeout = 1s;
  const auto listener = std::make_shared<test_listener>();
  test_server server{[&](const std::shared_ptr<exchange>& request) { request->upgrade(listener); }, limits};
  raw_client client{server.port()};
  ASSERT_TRUE(client.upgrade());
  // Fragments of nothing are no progress either.
  client.send_frame(text, "begun", false);
  std::atomic<bool> over = false;
  std::thread sender{[&] {
    while (!over && client.send_frame(0, "", false))
      std::this_thread::sleep_for(100ms);
  }};
  const auto frame = client.read_frame();
  over = true;
  sender.join();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->close_code(), 1008u);
}

// -- who leaves things unfinished ---------------------------------------------------

TEST(UnfinishedRequests, CostNothingForWhatTheyOnlyPromise) {
  transport_limits limits;
  limits.memory = std::make_shared<client_memory>(mebibyte, mebibyte);
  test_server server{echo, limits};
  std::vector<std::unique_ptr<raw_client>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<raw_client>(server.port()));
    clients.back()->send(post(mebibyte) + "x");
  }
  ASSERT_TRUE(eventually([&] { return limits.memory->unfinished() > 0 && server.http_connections == 20; }));
  EXPECT_LT(limits.memory->unfinished(), mebibyte);
  raw_client honest{server.port()};
  honest.send(post(5) + "12345");
  EXPECT_EQ(honest.read_response().value().body, "5");
}

TEST(UnfinishedRequests, ThatAreTooMuchInSumLoseTheOneThatHasTakenTheLongest) {
  transport_limits limits;
  limits.memory = std::make_shared<client_memory>(mebibyte * 3 / 2, mebibyte);
  test_server server{echo, limits};
  raw_client first{server.port()};
  first.send(post(mebibyte) + std::string(600 * 1024, 'x'));
  ASSERT_TRUE(eventually([&] { return limits.memory->unfinished() >= 600 * 1024; }));
  // Ticks tell who was first.
  std::this_thread::sleep_for(600ms);
  raw_client second{server.port()};
  second.send(post(mebibyte) + std::string(mebibyte - 1, 'x'));
  const auto refused = first.read_response();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503u);
  second.send("x");
  EXPECT_EQ(second.read_response().value().body, std::to_string(mebibyte));
  EXPECT_TRUE(eventually([&] { return limits.memory->unfinished() == 0; }));
}

TEST(UnfinishedMessages, CountWithTheBodies) {
  transport_limits limits;
  limits.memory = std::make_shared<client_memory>(mebibyte * 3 / 2, mebibyte);
  const auto listener = std::make_shared<test_listener>();
  test_server server{[&](const std::shared_ptr<exchange>& request) {
                       if (request->request().is_websocket_upgrade)
                         return request->upgrade(listener);
                       echo(request);
                     },
                     limits};
  raw_client client{server.port()};
  ASSERT_TRUE(client.upgrade());
  client.send_frame(text, std::string(600 * 1024, 'x'), false);
  ASSERT_TRUE(eventually([&] { return limits.memory->unfinished() >= 600 * 1024; }));
  std::this_thread::sleep_for(600ms);
  raw_client other{server.port()};
  other.send(post(mebibyte) + std::string(mebibyte - 1, 'x'));
  const auto frame = client.read_frame();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->close_code(), 1013u);
  client.send_frame(close_frame, frame->payload);
  other.send("x");
  EXPECT_EQ(other.read_response().value().status, 200u);
  EXPECT_TRUE(listener->closed.wait());
  EXPECT_TRUE(eventually([&] { return limits.memory->unfinished() == 0; }));
}

TEST(UnansweredRequests, AreCountedUntilTheyAreAnswered) {
  transport_limits limits;
  limits.memory = std::make_shared<client_memory>();
  std::shared_ptr<exchange> held;
  signal_flag arrived;
  test_server server{[&](std::shared_ptr<exchange> request) {
                       held = std::move(request);
                       arrived.raise();
                     },
                     limits};
  raw_client client{server.port()};
  client.send(post(100'000) + std::string(100'000, 'x'));
  ASSERT_TRUE(arrived.wait());
  EXPECT_TRUE(eventually([&] { return limits.memory->unfinished() >= 100'000; }));
  held->respond(text_response("read"));
  EXPECT_EQ(client.read_response().value().body, "read");
  EXPECT_TRUE(eventually([&] { return limits.memory->unfinished() == 0; }));
}

// -- who does not read --------------------------------------------------------------

TEST(UnreadAnswers, ThatAreTooMuchInSumLoseTheOneThatHasWaitedTheLongest) {
  transport_limits limits;
  limits.memory = std::make_shared<client_memory>(mebibyte, 8 * mebibyte);
  test_server server{[](const std::shared_ptr<exchange>& request) {
                       request->respond(
                         text_response(std::string(request->request().path == "/large" ? 7 * mebibyte : 1, 'x')));
                     },
                     limits};
  raw_client first{server.port(), 4096};
  first.send(get("/large"));
  ASSERT_TRUE(eventually([&] { return limits.memory->unread() >= mebibyte; }));
  std::this_thread::sleep_for(600ms);
  raw_client second{server.port(), 4096};
  second.send(get("/large"));
  // The first is cut, not the second, and the third does not notice.
  EXPECT_FALSE(first.read_response());
  raw_client third{server.port()};
  third.send(get("/small"));
  EXPECT_EQ(third.read_response().value().body, "x");
  EXPECT_EQ(second.read_response().value().body.size(), 7 * mebibyte);
  EXPECT_EQ(server.slow_readers, 1);
  EXPECT_TRUE(eventually([&] { return limits.memory->unread() == 0; }));
}

TEST(UnreadAnswers, OfOneConnectionAreNotAskedForAllAtOnce) {
  transport_limits limits;
  limits.memory = std::make_shared<client_memory>();
  test_server server{
    [](const std::shared_ptr<exchange>& request) { request->respond(text_response(std::string(mebibyte, 'x'))); },
    limits};
  raw_client client{server.port(), 4096};
  std::string pipelined;
  for (int i = 0; i < 100; ++i)
    pipelined += get("/");
  client.send(pipelined);
  ASSERT_TRUE(eventually([&] { return limits.memory->unread() > 0; }));
  std::this_thread::sleep_for(300ms);
  EXPECT_LT(limits.memory->unread(), 3 * mebibyte);
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(client.read_response().value().body.size(), mebibyte);
}

TEST(Pings, OfAClientThatNeverReadsAreNotAnsweredWithoutBound) {
  const auto listener = std::make_shared<test_listener>();
  test_server server{[&](const std::shared_ptr<exchange>& request) { request->upgrade(listener); }};
  raw_client client{server.port(), 4096};
  ASSERT_TRUE(client.upgrade());
  ASSERT_TRUE(listener->opened.wait());
  // A ping with a full payload, masked with zeros (RFC 6455, section 5.5).
  const auto one = std::string("\x89\xfd\0\0\0\0", 6) + std::string(125, 'p');
  constexpr std::size_t most = 500'000;
  EXPECT_LT(client.send_while_taken(one, most), most) << "the server takes pings for ever";
  server.run([&] { EXPECT_LT(listener->connection->queued_bytes(), 256u * 1024u); });
  EXPECT_EQ(server.websocket_connections, 1);
}

TEST(Pings, AreAllAnsweredOnceTheClientReads) {
  const auto listener = std::make_shared<test_listener>();
  test_server server{[&](const std::shared_ptr<exchange>& request) { request->upgrade(listener); }};
  raw_client client{server.port(), 4096};
  ASSERT_TRUE(client.upgrade());
  constexpr std::size_t count = 50'000;
  std::thread sender{[&] {
    for (std::size_t i = 0; i < count; ++i)
      client.send_frame(ping, std::string(100, 'p'));
  }};
  std::size_t answered = 0;
  while (answered < count && client.read_frame())
    ++answered;
  sender.join();
  EXPECT_EQ(answered, count);
}

// -- who reads slowly, and is at it ---------------------------------------------------

/// Reads what has come every now and then, so that seconds pass before the end.
template <class Read>
void slowly(Read read) {
  while (read())
    std::this_thread::sleep_for(50ms);
}

TEST(SlowReader, GetsItsCloseFrameBehindAllThatTheSocketHadTaken) {
  transport_limits limits;
  limits.queue_bytes = 256 * 1024;
  limits.close_timeout = 1s;
  const auto listener = std::make_shared<test_listener>();
  test_server server{[&](const std::shared_ptr<exchange>& request) { request->upgrade(listener); }, limits};
  raw_client client{server.port(), 16 * 1024};
  ASSERT_TRUE(client.upgrade());
  ASSERT_TRUE(listener->opened.wait());
  for (int i = 0; i < 10'000 && server.slow_readers == 0; ++i)
    server.run([&] {
      if (listener->connection)
        listener->connection->send(std::make_shared<const std::string>(64 * 1024, 'x'));
    });
  ASSERT_EQ(server.slow_readers, 1);
  const auto began = std::chrono::steady_clock::now();
  unsigned code = 0;
  slowly([&] {
    const auto frame = client.read_frame();
    if (frame && frame->opcode == close_frame)
      code = frame->close_code();
    return frame && code == 0;
  });
  EXPECT_EQ(code, 1013u);
  EXPECT_GT(std::chrono::steady_clock::now() - began, 1s) << "it was not slow enough to show anything";
}

TEST(SlowReader, GetsTheWholeOfALastAnswer) {
  transport_limits limits;
  limits.close_timeout = 1s;
  limits.progress_timeout = 1s;
  test_server server{
    [](const std::shared_ptr<exchange>& request) { request->respond(text_response(std::string(8 * mebibyte, 'x'))); },
    limits};
  raw_client client{server.port(), 64 * 1024};
  client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(client.read_until("\r\n\r\n"));
  std::size_t received = 0;
  slowly([&] {
    const auto some = client.read_until(std::string(128 * 1024, 'x'));
    received += some ? some->size() : 0;
    return some && received < 8 * mebibyte;
  });
  EXPECT_EQ(received, 8 * mebibyte);
}

// -- who has nothing more to say ------------------------------------------------------

TEST(HalfClosedClient, GetsTheAnswerThatSomebodyWatchesFor) {
  std::shared_ptr<exchange> held;
  signal_flag arrived;
  test_server server{[&](std::shared_ptr<exchange> request) {
    request->on_disconnect([] { FAIL() << "the client still waits"; });
    held = std::move(request);
    arrived.raise();
  }};
  raw_client client{server.port()};
  client.send(get("/"));
  ASSERT_TRUE(arrived.wait());
  client.shut_down();
  // The server has seen it once another client's request, sent later, has come in.
  raw_client other{server.port()};
  server.run([&] { held->respond(text_response("finished")); });
  EXPECT_EQ(client.read_response().value().body, "finished");
  EXPECT_TRUE(client.is_closed());
}

TEST(HalfClosedClient, GetsItsStreamToTheEnd) {
  std::shared_ptr<exchange> stream;
  signal_flag started;
  test_server server{[&](std::shared_ptr<exchange> request) {
    request->on_disconnect([] { FAIL() << "the client still reads"; });
    request->start_stream(text_response("head "));
    stream = std::move(request);
    started.raise();
  }};
  raw_client client{server.port()};
  client.send(get("/"));
  client.shut_down();
  ASSERT_TRUE(started.wait());
  ASSERT_TRUE(client.read_until("head \r\n"));
  server.run([&] {
    stream->write(std::make_shared<const std::string>("part"));
    stream->finish();
  });
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "4\r\npart\r\n0\r\n\r\n");
  EXPECT_TRUE(client.is_closed());
}

TEST(HalfClosedClient, GetsTheAnswersToAllThatItHadPipelined) {
  test_server server{
    [](const std::shared_ptr<exchange>& request) { request->respond(text_response(std::string(mebibyte, 'x'))); }};
  raw_client client{server.port(), 4096};
  for (int i = 0; i < 5; ++i)
    client.send(get("/"));
  client.shut_down();
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(client.read_response().value().body.size(), mebibyte);
  EXPECT_TRUE(client.is_closed());
}

TEST(ClientThatIsGone, IsFoundOutByProbing) {
  transport_limits limits;
  limits.probe_interval = 1s;
  std::shared_ptr<exchange> held;
  signal_flag arrived;
  signal_flag gone;
  test_server server{[&](std::shared_ptr<exchange> request) {
                       request->on_disconnect([&] { gone.raise(); });
                       held = std::move(request);
                       arrived.raise();
                     },
                     limits};
  raw_client client{server.port()};
  client.send(get("/"));
  ASSERT_TRUE(arrived.wait());
  client.vanish();
  EXPECT_TRUE(gone.wait());
  EXPECT_TRUE(eventually([&] { return held->is_gone(); }));
  server.run([&] { held.reset(); });
}

TEST(ClientThatIsGone, IsToldOfToWhoeverWatchesLate) {
  std::shared_ptr<exchange> held;
  signal_flag arrived;
  signal_flag gone;
  test_server server{[&](std::shared_ptr<exchange> request) {
    held = std::move(request);
    arrived.raise();
  }};
  raw_client client{server.port()};
  client.send(get("/"));
  ASSERT_TRUE(arrived.wait());
  client.reset();
  // Nobody watches, and still it is noticed before long.
  ASSERT_TRUE(eventually([&] { return held->is_gone(); }));
  server.run([&] {
    held->on_disconnect([&] { gone.raise(); });
    held->start_stream(text_response("to nobody"));
  });
  EXPECT_TRUE(gone.wait());
  server.run([&] { held.reset(); });
}

// -- messages, one at a time ------------------------------------------------------------

/// Keeps the next message out until it is told.
class holding_listener final : public test_listener {
public:
  void on_text(std::string message) override {
    connection->hold();
    messages.push_back(std::move(message));
    ++count;
  }

  std::vector<std::string> messages;
  std::atomic<std::size_t> count = 0;
};

TEST(HeldConnection, HandsOverOneMessageAtATime) {
  const auto listener = std::make_shared<holding_listener>();
  test_server server{[&](const std::shared_ptr<exchange>& request) { request->upgrade(listener); }};
  raw_client client{server.port()};
  ASSERT_TRUE(client.upgrade());
  for (const auto* message : {"one", "two", "three"})
    client.send_frame(text, message);
  for (std::size_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(eventually([&] { return listener->count == i; }));
    server.run([] {});
    EXPECT_EQ(listener->count, i);
    server.run([&] { listener->connection->release(); });
  }
  EXPECT_EQ(listener->messages, (std::vector<std::string>{"one", "two", "three"}));
}

TEST(HeldConnection, LeavesWhatTheClientHasYetToSayWithTheClient) {
  const auto listener = std::make_shared<holding_listener>();
  test_server server{[&](const std::shared_ptr<exchange>& request) { request->upgrade(listener); }};
  raw_client client{server.port()};
  ASSERT_TRUE(client.upgrade());
  const auto one = std::string("\x81\xfd\0\0\0\0", 6) + std::string(125, 'm');
  constexpr std::size_t most = 500'000;
  EXPECT_LT(client.send_while_taken(one, most), most);
  EXPECT_EQ(listener->count, 1u);
}

TEST(HeldConnection, CanBeClosed) {
  const auto listener = std::make_shared<holding_listener>();
  test_server server{[&](const std::shared_ptr<exchange>& request) { request->upgrade(listener); }};
  raw_client client{server.port()};
  ASSERT_TRUE(client.upgrade());
  client.send_frame(text, "one");
  client.send_frame(text, "two");
  ASSERT_TRUE(eventually([&] { return listener->count == 1; }));
  server.run([&] { listener->connection->close(4001, "enough"); });
  const auto frame = client.read_frame();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->close_code(), 4001u);
  client.send_frame(close_frame, frame->payload);
  EXPECT_TRUE(listener->closed.wait());
  EXPECT_EQ(listener->count, 1u);
}

TEST(HeldConnection, IsNotTakenForASilentOne) {
  transport_limits limits;
  limits.websocket_idle_timeout = 1s;
  const auto listener = std::make_shared<holding_listener>();
  test_server server{[&](const std::shared_ptr<exchange>& request) { request->upgrade(listener); }, limits};
  raw_client client{server.port()};
  ASSERT_TRUE(client.upgrade());
  client.send_frame(text, "one");
  client.send_frame(text, "two");
  ASSERT_TRUE(eventually([&] { return listener->count == 1; }));
  std::this_thread::sleep_for(3s);
  EXPECT_EQ(server.websocket_connections, 1);
  server.run([&] { listener->connection->release(); });
  EXPECT_TRUE(eventually([&] { return listener->count == 2; }));
}

// -- whose handler fails ----------------------------------------------------------------

class failing_listener final : public test_listener {
public:
  void on_text(std::string message) override {
    if (message == "fail")
      throw std::bad_alloc{};
    test_listener::on_text(std::move(message));
  }
};

TEST(FaultOfAHandler, EndsItsOwnConnectionAndNoOther) {
  const auto failing = std::make_shared<failing_listener>();
  const auto sound = std::make_shared<test_listener>();
  test_server server{[&](const std::shared_ptr<exchange>& request) {
    if (request->request().path == "/failing")
      request->upgrade(failing);
    else
      request->upgrade(sound);
  }};
  raw_client other{server.port()};
  ASSERT_TRUE(other.upgrade("/sound"));
  raw_client client{server.port()};
  ASSERT_TRUE(client.upgrade("/failing"));
  client.send_frame(text, "fail");
  EXPECT_FALSE(client.read_frame());
  EXPECT_TRUE(failing->closed.wait());
  other.send_frame(text, "still here");
  EXPECT_EQ(other.read_frame().value().payload, "still here");
}

} // namespace
} // namespace troupe::testing
