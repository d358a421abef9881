#include "dns_stub.hpp"
#include "outbound_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

/// Names that hang, names that nobody knows, and names that change.
namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class NameLookup : public ::testing::Test {
protected:
  outbound_config config() {
    outbound_config made;
    const auto port = std::to_string(stub.port());
    made.allow
      = {"quick.test:" + port, "other.test:" + port, "localhost:" + port, "app.localhost:" + port, "127.0.0.1:" + port};
    for (int i = 0; i < 200; ++i)
      made.allow.push_back(slow(i) + ":" + port);
    made.name_servers = names.address();
    return made;
  }
  static std::string slow(int i) { return "slow" + std::to_string(i) + ".test"; }
  std::string url(const std::string& host) { return "http://" + host + ":" + std::to_string(stub.port()) + "/"; }

  provider_stub stub{always(answer("ok"))};
  dns_stub names{{{"quick.test", "127.0.0.1"}, {"other.test", "127.0.0.1"}}};
};

// The shape that was seen: sixteen threads waited for sixteen names, and everybody else for them.
TEST_F(NameLookup, IsHeldUpByNoNameThatHangs) {
  beast_client client{config()};
  std::vector<std::uint64_t> slow_calls;
  for (int i = 0; i < 200; ++i)
    slow_calls.push_back(client.start(make_request("GET", url(slow(i))), std::make_shared<recording_listener>()));
  ASSERT_TRUE(eventually([&] { return names.asked(slow(199)) > 0; }));
  for (const auto* host : {"quick.test", "other.test", "localhost", "app.localhost", "127.0.0.1"}) {
    auto request = make_request("GET", url(host));
    request.timeouts.connect = 1500ms;
    EXPECT_EQ(call(client, request)->body(), "ok") << host;
  }
  for (const auto number : slow_calls)
    client.cancel(number);
}

TEST_F(NameLookup, AsksOnceForEverybodyWhoWantsTheSameName) {
  beast_client client{config()};
  std::vector<std::shared_ptr<recording_listener>> all;
  for (int i = 0; i < 50; ++i)
    client.start(make_request("GET", url("quick.test")), all.emplace_back(std::make_shared<recording_listener>()));
  for (const auto& one : all) {
    one->wait_for_end();
    EXPECT_EQ(one->body(), "ok");
  }
  EXPECT_EQ(names.asked("quick.test"), 1);
}

TEST_F(NameLookup, GivesUpANameInItsTime) {
  beast_client client{config()};
  auto request = make_request("GET", url(slow(1)));
  request.timeouts.connect = 200ms;
  const auto failure = call(client, request)->failure();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, outbound_errc::timed_out);
  EXPECT_THAT(failure->error, HasSubstr("could not be looked up within 200 ms"));
}

TEST_F(NameLookup, SaysThatANameIsUnknown) {
  beast_client client{config()};
  const auto failure = call(client, make_request("GET", "http://nobody.test/"))->failure();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, outbound_errc::unreachable);
  EXPECT_THAT(failure->error, HasSubstr("The name of nobody.test is not known: host not found"));
  EXPECT_FALSE(failure->sent);
}

// A name that was public when it was looked at and is private when it is connected to (DNS rebinding).
TEST_F(NameLookup, HasEachAnswerJudgedBeforeItIsConnectedTo) {
  names.learn("rebound.test", "127.0.0.1");
  names.learn("metadata.test", "169.254.169.254");
  beast_client client{config()};
  for (const auto* host : {"rebound.test", "metadata.test"}) {
    const auto failure = call(client, make_request("GET", "http://" + std::string{host} + "/"))->failure();
    ASSERT_TRUE(failure.has_value()) << host;
    EXPECT_EQ(failure->code, outbound_errc::refused);
    EXPECT_THAT(failure->error, HasSubstr("is a private address"));
  }
}

TEST_F(NameLookup, EndsWithTheClientWhateverIsUnderWay) {
  auto client = std::make_unique<beast_client>(config());
  for (int i = 0; i < 20; ++i)
    client->start(make_request("GET", url(slow(i))), std::make_shared<recording_listener>());
  ASSERT_TRUE(eventually([&] { return names.asked(slow(19)) > 0; }));
  client.reset();
}

} // namespace
} // namespace troupe::testing
