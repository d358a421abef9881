#include "outbound_fixture.hpp"
#include "tests/eventually.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// -- who may be called ------------------------------------------------------------

TEST(OutboundPolicy, RefusesPrivateAddresses) {
  beast_client client;
  for (const auto* url : {"http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://10.1.2.3/"}) {
    const auto failure = call(client, make_request("GET", url))->failure();
    ASSERT_TRUE(failure.has_value()) << url;
    EXPECT_EQ(failure->code, outbound_errc::refused);
    EXPECT_THAT(failure->error, HasSubstr(" is a private address; start the server with --outbound-allow "));
    EXPECT_FALSE(failure->sent);
  }
}

TEST(OutboundPolicy, RefusesOtherPorts) {
  provider_stub stub{always(answer("ok"))};
  beast_client client;
  const auto failure = get_from(client, stub)->failure();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, outbound_errc::refused);
  EXPECT_THAT(failure->error, HasSubstr("--outbound-allow 127.0.0.1:" + std::to_string(stub.port()) + " "));
  EXPECT_EQ(stub.connections(), 0);
}

TEST(OutboundPolicy, AllowsWhatIsListed) {
  provider_stub stub{always(answer("ok"))};
  outbound_config config;
  config.allow = {"localhost:" + std::to_string(stub.port())};
  beast_client client{config};
  const auto url = "http://localhost:" + std::to_string(stub.port()) + "/";
  // The name may stand for ::1, too, where nobody listens: the next address is tried.
  EXPECT_EQ(call(client, make_request("GET", url))->body(), "ok");
  EXPECT_EQ(get_from(client, stub)->failure()->code, outbound_errc::refused);
}

TEST(OutboundPolicy, SaysWhenNobodyTakesTheConnection) {
  std::optional<provider_stub> stub{std::in_place, always("")};
  const auto url = url_of(*stub);
  const auto port = std::to_string(stub->port());
  stub.reset();
  beast_client client{loopback_config()};
  const auto failure = call(client, make_request("POST", url))->failure();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, outbound_errc::unreachable);
  EXPECT_FALSE(failure->sent);
  EXPECT_EQ(failure->error, "127.0.0.1:" + port + " did not take the connection: connection refused.");
}

// -- time -------------------------------------------------------------------------

/// Reads a request, and then writes `text` every few milliseconds.
provider_stub::script repeat(std::string head, std::string text) {
  return [head = std::move(head), text = std::move(text)](stub_connection& connection) {
    connection.read_request();
    connection.write(head);
    while (connection.write(text))
      std::this_thread::sleep_for(5ms);
  };
}

std::optional<outbound_failure> failure_within(const provider_stub& stub, outbound_timeouts limits,
                                               std::function<bool(std::string_view)> is_progress = {}) {
  beast_client client{loopback_config()};
  const auto listener = std::make_shared<recording_listener>(std::move(is_progress));
  auto request = make_request("POST", url_of(stub));
  request.timeouts = limits;
  client.start(std::move(request), listener);
  EXPECT_TRUE(listener->wait_for_end());
  return listener->failure();
}

TEST(OutboundTimeouts, EndACallThatIsNotAnswered) {
  provider_stub stub{[](stub_connection& connection) { connection.wait_for_end(); }};
  outbound_timeouts limits;
  limits.first_data = 100ms;
  const auto failure = failure_within(stub, limits);
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, outbound_errc::timed_out);
  EXPECT_TRUE(failure->sent);
  EXPECT_THAT(failure->error, HasSubstr(" did not answer within 100 ms."));
}

TEST(OutboundTimeouts, TakeAHeadAndSignsOfLifeForNoAnswer) {
  provider_stub stub{repeat(std::string{chunked_head}, "3\r\n: \n\r\n")};
  outbound_timeouts limits;
  limits.first_data = 100ms;
  const auto failure = failure_within(stub, limits, [](std::string_view) { return false; });
  ASSERT_TRUE(failure.has_value());
  EXPECT_THAT(failure->error, HasSubstr(" did not answer within 100 ms."));
}

TEST(OutboundTimeouts, EndACallThatGoesSilent) {
  provider_stub stub{repeat(std::string{chunked_head} + "4\r\ndata\r\n", "3\r\n: \n\r\n")};
  outbound_timeouts limits;
  limits.idle = 100ms;
  const auto failure = failure_within(stub, limits, [](std::string_view part) { return part == "data"; });
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, outbound_errc::timed_out);
  EXPECT_THAT(failure->error, HasSubstr(" sent nothing more for 100 ms."));
}

TEST(OutboundTimeouts, LetACallLiveThatGoesOn) {
  provider_stub stub{[](stub_connection& connection) {
    connection.read_request();
    connection.write(chunked_head);
    for (int i = 0; i < 40; ++i) {
      connection.write("1\r\nx\r\n");
      std::this_thread::sleep_for(20ms);
    }
    connection.write("0\r\n\r\n");
  }};
  outbound_timeouts limits;
  limits.first_data = 600ms;
  limits.idle = 600ms;
  EXPECT_FALSE(failure_within(stub, limits).has_value());
}

TEST(OutboundTimeouts, EndACallThatTakesTooLongAltogether) {
  provider_stub stub{repeat(std::string{chunked_head}, "4\r\ndata\r\n")};
  outbound_timeouts limits;
  limits.total = 150ms;
  const auto failure = failure_within(stub, limits);
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, outbound_errc::timed_out);
  EXPECT_TRUE(failure->sent);
  EXPECT_THAT(failure->error, HasSubstr(" was not done within 150 ms."));
}

TEST(OutboundTimeouts, EndAConnectionThatDoesNotComeAbout) {
  provider_stub stub{[](stub_connection& connection) { connection.wait_for_end(); }};
  beast_client client{loopback_config()};
  auto request = make_request("POST", "https://127.0.0.1:" + std::to_string(stub.port()));
  request.timeouts.connect = 100ms;
  const auto failure = call(client, std::move(request))->failure();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, outbound_errc::timed_out);
  EXPECT_FALSE(failure->sent);
  EXPECT_THAT(failure->error, HasSubstr(" came about within 100 ms."));
}

TEST(OutboundTimeouts, MayBeAsLongAsTheyLike) {
  provider_stub stub{always(answer("ok"))};
  outbound_timeouts limits;
  limits.connect = limits.first_data = limits.idle = limits.total = std::chrono::milliseconds::max();
  EXPECT_FALSE(failure_within(stub, limits).has_value());
}

// -- ending calls -----------------------------------------------------------------

/// Streams without end, and notices when nobody reads any more.
class endless_stub {
public:
  endless_stub()
    : stub_{[this](stub_connection& connection) {
        connection.read_request();
        connection.write(chunked_head);
        connection.write("4\r\ndata\r\n");
        if (connection.wait_for_end())
          ++ended_;
      }} {}

  [[nodiscard]] const provider_stub& server() const { return stub_; }
  [[nodiscard]] bool wait_for_ends(int count) {
    return eventually([&] { return ended_ == count; });
  }

private:
  std::atomic<int> ended_ = 0;
  provider_stub stub_;
};

TEST(OutboundCancel, ClosesTheConnectionAtOnce) {
  endless_stub stub;
  beast_client client{loopback_config()};
  const auto listener = std::make_shared<recording_listener>();
  const auto number = client.start(make_request("GET", url_of(stub.server())), listener);
  ASSERT_TRUE(listener->wait_for_body("data"));
  const auto started = std::chrono::steady_clock::now();
  client.cancel(number);
  EXPECT_TRUE(stub.wait_for_ends(1));
  EXPECT_LT(std::chrono::steady_clock::now() - started, 1s);
  EXPECT_EQ(listener->calls(), 2);
  EXPECT_TRUE(eventually([&] { return listener.use_count() == 1; }));
  client.cancel(number);
  client.cancel(12345);
  EXPECT_EQ(listener->calls(), 2);
}

TEST(OutboundCancel, MayComeBeforeAnythingHasHappened) {
  endless_stub stub;
  beast_client client{loopback_config()};
  const auto listener = std::make_shared<recording_listener>();
  for (int i = 0; i < 50; ++i)
    client.cancel(client.start(make_request("GET", url_of(stub.server())), listener));
  EXPECT_TRUE(eventually([&] { return listener.use_count() == 1; }));
  EXPECT_EQ(listener->calls(), 0);
}

/// Cancels its own call in the middle of what it is told.
class cancelling_listener final : public outbound_listener {
public:
  explicit cancelling_listener(outbound_client& client) : client_{client} {}

  void on_head(outbound_head) override {}
  bool on_data(std::string_view) override {
    ++parts;
    client_.cancel(number);
    return true;
  }
  void on_end() override { ++ends; }
  void on_failure(outbound_failure) override { ++ends; }

  std::atomic<std::uint64_t> number = 0;
  std::atomic<int> parts = 0;
  std::atomic<int> ends = 0;

private:
  outbound_client& client_;
};

TEST(OutboundCancel, FromWithinTheListenerIsTheLastItHears) {
  signal_flag numbered;
  provider_stub stub{[&](stub_connection& connection) {
    connection.read_request();
    EXPECT_TRUE(numbered.wait());
    connection.write(std::string{chunked_head} + "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n");
    connection.wait_for_end();
  }};
  beast_client client{loopback_config()};
  const auto listener = std::make_shared<cancelling_listener>(client);
  listener->number = client.start(make_request("GET", url_of(stub)), listener);
  numbered.raise();
  EXPECT_TRUE(eventually([&] { return listener.use_count() == 1; }));
  EXPECT_EQ(listener->parts, 1);
  EXPECT_EQ(listener->ends, 0);
}

TEST(OutboundClientsEnd, DropsOpenCallsWithoutAWord) {
  endless_stub stub;
  const auto streaming = std::make_shared<recording_listener>();
  const auto connecting = std::make_shared<recording_listener>();
  {
    beast_client client{loopback_config()};
    client.start(make_request("GET", url_of(stub.server())), streaming);
    ASSERT_TRUE(streaming->wait_for_body("data"));
    client.start(make_request("GET", "https://127.0.0.1:" + std::to_string(stub.server().port())), connecting);
    client.start(make_request("GET", "http://localhost:1/"), connecting);
  }
  EXPECT_EQ(streaming.use_count(), 1);
  EXPECT_EQ(connecting.use_count(), 1);
  EXPECT_EQ(streaming->calls(), 2);
  EXPECT_FALSE(streaming->failure().has_value());
  EXPECT_TRUE(stub.wait_for_ends(stub.server().connections()));
}

} // namespace
} // namespace troupe::testing
