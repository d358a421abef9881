#include "outbound_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

/// How many calls are made at once, and who waits.
namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// Answers when the test lets it, and counts who is there at once.
class gate {
public:
  provider_stub::script script() {
    return [this](stub_connection& connection) {
      while (connection.read_request()) {
        enter();
        connection.write(answer("ok"));
      }
    };
  }
  void open() {
    const std::lock_guard lock{mutex_};
    is_open_ = true;
    changed_.notify_all();
  }
  int inside() {
    const std::lock_guard lock{mutex_};
    return inside_;
  }
  int most() {
    const std::lock_guard lock{mutex_};
    return most_;
  }

private:
  void enter() {
    std::unique_lock lock{mutex_};
    most_ = std::max(most_, ++inside_);
    changed_.wait_for(lock, 30s, [this] { return is_open_; });
    --inside_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
  int inside_ = 0;
  int most_ = 0;
};

outbound_request request_of(outbound_share share, const std::string& url) {
  auto request = make_request("POST", url, "{}");
  request.share = share;
  return request;
}

std::vector<std::shared_ptr<recording_listener>> start_many(outbound_client& client, int count,
                                                            const outbound_request& request) {
  std::vector<std::shared_ptr<recording_listener>> all;
  for (int i = 0; i < count; ++i)
    client.start(request, all.emplace_back(std::make_shared<recording_listener>()));
  return all;
}

// The shape that was seen: 5,000 requests in one MCP answer were 5,000 connections (issue 10 of this project).
TEST(OutboundBound, HoldsAtOneTargetAndLosesNoCall) {
  gate held;
  provider_stub stub{held.script()};
  auto config = loopback_config();
  config.calls = {100, 8, 10'000, 10'000};
  beast_client client{config};
  const auto calls = start_many(client, 300, request_of(outbound_share::call, url_of(stub)));
  ASSERT_TRUE(eventually([&] { return held.inside() == 8; }));
  held.open();
  for (const auto& one : calls) {
    one->wait_for_end();
    EXPECT_EQ(one->body(), "ok");
  }
  EXPECT_LE(held.most(), 8);
  EXPECT_LE(stub.connections(), 8);
}

TEST(OutboundBound, OfOneTargetHoldsBackNoOther) {
  gate held;
  provider_stub slow{held.script()};
  provider_stub quick{always(answer("quick"))};
  auto config = loopback_config();
  config.calls = {12, 8, 1000, 1000};
  beast_client client{config};
  const auto calls = start_many(client, 100, request_of(outbound_share::call, url_of(slow)));
  ASSERT_TRUE(eventually([&] { return held.inside() == 8; }));
  EXPECT_EQ(call(client, request_of(outbound_share::call, url_of(quick)))->body(), "quick");
  held.open();
  for (const auto& one : calls)
    one->wait_for_end();
}

TEST(OutboundBound, OfTheNodeGivesEachTargetItsTurn) {
  gate held;
  provider_stub slow{held.script()};
  provider_stub other{always(answer("other"))};
  auto config = loopback_config();
  config.calls = {4, 4, 1000, 1000};
  beast_client client{config};
  const auto calls = start_many(client, 200, request_of(outbound_share::call, url_of(slow)));
  ASSERT_TRUE(eventually([&] { return held.inside() == 4; }));
  const auto late = std::make_shared<recording_listener>();
  client.start(request_of(outbound_share::call, url_of(other)), late);
  held.open();
  late->wait_for_end();
  EXPECT_EQ(late->body(), "other");
  for (const auto& one : calls)
    one->wait_for_end();
}

TEST(OutboundBound, OfToolsAndStreamsStarvesNoModel) {
  gate held;
  provider_stub tools{held.script()};
  provider_stub model{always(answer("text"))};
  auto config = loopback_config();
  config.calls = {4, 4, 1000, 1000};
  config.streams = {2, 2, 0, 0};
  beast_client client{config};
  const auto calls = start_many(client, 50, request_of(outbound_share::call, url_of(tools)));
  const auto streams = start_many(client, 2, request_of(outbound_share::stream, url_of(tools)));
  ASSERT_TRUE(eventually([&] { return held.inside() == 6; }));
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(call(client, request_of(outbound_share::model, url_of(model)))->body(), "text");
  held.open();
  for (const auto& one : calls)
    one->wait_for_end();
  for (const auto& one : streams)
    one->wait_for_end();
}

TEST(OutboundBound, HasAStreamFailAtOnceWhereThereIsNoRoom) {
  gate held;
  provider_stub stub{held.script()};
  auto config = loopback_config();
  config.streams = {2, 1, 0, 0};
  beast_client client{config};
  const auto first = start_many(client, 1, request_of(outbound_share::stream, url_of(stub)));
  ASSERT_TRUE(eventually([&] { return held.inside() == 1; }));
  const auto failure = call(client, request_of(outbound_share::stream, url_of(stub)))->failure();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, outbound_errc::busy);
  held.open();
  first.front()->wait_for_end();
}

TEST(OutboundBound, SaysInTimeThatNobodyWasCalled) {
  gate held;
  provider_stub stub{held.script()};
  auto config = loopback_config();
  config.calls = {9, 1, 1, 1};
  beast_client client{config};
  const auto first = start_many(client, 1, request_of(outbound_share::call, url_of(stub)));
  ASSERT_TRUE(eventually([&] { return held.inside() == 1; }));
  auto patient = request_of(outbound_share::call, url_of(stub));
  patient.timeouts.turn = 50ms;
  const auto waited = std::make_shared<recording_listener>();
  client.start(patient, waited);
  const auto refused = call(client, request_of(outbound_share::call, url_of(stub)))->failure();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code, outbound_errc::busy);
  EXPECT_THAT(refused->error, AllOf(HasSubstr("was not called"), HasSubstr("as many wait")));
  waited->wait_for_end();
  ASSERT_TRUE(waited->failure().has_value());
  EXPECT_EQ(waited->failure()->code, outbound_errc::busy);
  EXPECT_FALSE(waited->failure()->sent);
  EXPECT_THAT(waited->failure()->error, AllOf(HasSubstr("1 at one host, 9 in sum"), HasSubstr("within 50 ms")));
  held.open();
  first.front()->wait_for_end();
}

TEST(OutboundBound, MakesRoomWhenWhoeverWaitsOrRunsIsCancelled) {
  gate held;
  provider_stub stub{held.script()};
  auto config = loopback_config();
  config.calls = {1, 1, 10, 10};
  beast_client client{config};
  const auto running
    = client.start(request_of(outbound_share::call, url_of(stub)), std::make_shared<recording_listener>());
  ASSERT_TRUE(eventually([&] { return held.inside() == 1; }));
  const auto waiting
    = client.start(request_of(outbound_share::call, url_of(stub)), std::make_shared<recording_listener>());
  const auto last = std::make_shared<recording_listener>();
  client.start(request_of(outbound_share::call, url_of(stub)), last);
  client.cancel(waiting);
  client.cancel(running);
  ASSERT_TRUE(eventually([&] { return held.inside() == 2; }));
  held.open();
  last->wait_for_end();
  EXPECT_EQ(last->body(), "ok");
}

TEST(OutboundBound, HoldsForIdleConnectionsInSum) {
  auto config = loopback_config();
  config.max_idle_sum = 2;
  beast_client client{config};
  std::vector<std::unique_ptr<provider_stub>> stubs;
  std::atomic<int> ended = 0;
  for (int i = 0; i < 5; ++i)
    stubs.push_back(std::make_unique<provider_stub>([&](stub_connection& connection) {
      while (connection.read_request())
        connection.write(answer("ok"));
      ++ended;
    }));
  for (const auto& stub : stubs)
    EXPECT_EQ(get_from(client, *stub)->body(), "ok");
  EXPECT_TRUE(eventually([&] { return ended == 3; }));
  // The two that were used last are there still.
  EXPECT_EQ(get_from(client, *stubs[4])->body(), "ok");
  EXPECT_EQ(stubs[4]->connections(), 1);
}

} // namespace
} // namespace troupe::testing
