#include "gateway/http/io_loop.hpp"
#include "gateway/http/server_core.hpp"
#include "gateway/live/lane.hpp"
#include "raw_client.hpp"
#include "test_server.hpp"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

namespace troupe::testing {
namespace {

TEST(IoLoop, GoesOnAfterWhatAHandlerThrows) {
  boost::asio::io_context io;
  int ran = 0;
  int looked_after = 0;
  boost::asio::post(io, [] { throw std::bad_alloc{}; });
  boost::asio::post(io, [&] { ++ran; });
  boost::asio::post(io, [] { throw std::runtime_error{"a fault"}; });
  boost::asio::post(io, [&] { ++ran; });
  run_io(io, [&] { ++looked_after; });
  EXPECT_EQ(ran, 2);
  EXPECT_EQ(looked_after, 2);
}

TEST(IoLoop, EndsWhenItIsStopped) {
  boost::asio::io_context io;
  boost::asio::post(io, [&] {
    io.stop();
    throw std::runtime_error{"on the way out"};
  });
  bool ran = false;
  boost::asio::post(io, [&] { ran = true; });
  run_io(io);
  EXPECT_FALSE(ran);
}

/// Many who send long bodies do not keep up one with a short question.
TEST(IoLoop, DoesWhatIsReadyBetweenTheStepsOfLongWork) {
  boost::asio::io_context io;
  const auto core = std::make_shared<server_core>(io, nullptr, transport_limits{}, transport_observer{});
  std::string done;
  const auto step = [&](char name) {
    core->take_turn([&done, &io, name] {
      done += name;
      // Something that became ready meanwhile.
      boost::asio::post(io, [&done] { done += '-'; });
    });
  };
  for (const char name : {'a', 'b', 'c'})
    step(name);
  run_io(io);
  EXPECT_EQ(done, "a-b-c-");
}

TEST(IoLoop, TakesTheStepsOfLongWorkInTurns) {
  boost::asio::io_context io;
  const auto core = std::make_shared<server_core>(io, nullptr, transport_limits{}, transport_observer{});
  std::string done;
  std::function<void(char, int)> step = [&](char name, int left) {
    core->take_turn([&, name, left] {
      done += name;
      if (left > 1)
        step(name, left - 1);
    });
  };
  step('a', 3);
  step('b', 3);
  run_io(io);
  EXPECT_EQ(done, "ababab");
}

TEST(IoLoop, TakesTheStepsOfACrowdInTurnsToo) {
  boost::asio::io_context io;
  const auto core = std::make_shared<server_core>(io, nullptr, transport_limits{}, transport_observer{});
  std::string done;
  std::function<void(char, int)> step = [&](char name, int left) {
    core->take_turn([&, name, left] {
      done += name;
      if (left > 1)
        step(name, left - 1);
    });
  };
  for (const char name : std::string{"abcdefgh"})
    step(name, 2);
  run_io(io);
  EXPECT_EQ(done, "abcdefghabcdefgh");
}

TEST(IoLoop, GoesOnWithTheNextStepOfLongWorkAfterOneThatThrows) {
  boost::asio::io_context io;
  const auto core = std::make_shared<server_core>(io, nullptr, transport_limits{}, transport_observer{});
  std::string done;
  core->take_turn([] { throw std::bad_alloc{}; });
  core->take_turn([&] { done += 'b'; });
  run_io(io);
  EXPECT_EQ(done, "b");
}

TEST(Lane, ServesOnAfterAFaultOnItsThread) {
  const auto one = std::make_shared<lane>(
    transport_limits{}, transport_observer{},
    std::make_shared<origin_policy>(origin_rules{.is_own_address = [](const auto&) { return true; }}));
  ASSERT_FALSE(one->listen("127.0.0.1", 0, false));
  one->run();
  raw_client before{one->port()};
  one->post([](lane&) { throw std::bad_alloc{}; });
  raw_client after{one->port()};
  for (auto* client : {&before, &after}) {
    client->send("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    EXPECT_EQ(client->read_response().value().status, 503u) << "there is no gateway actor in this test";
  }
}

} // namespace
} // namespace troupe::testing
