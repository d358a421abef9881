#include "tests/cluster/cluster_test.hpp"
#include "tests/e2e/stream_clients.hpp"

#include <thread>

/// Subscribers of one node see what runs on another.
namespace troupe {

namespace {

/// What a subscriber of a task receives, and how old each event was when it came.
struct followed {
  std::vector<json> events;
  series ages;
};

/// Follows a task at the gateway on `port` from behind `after` until its end, until the
/// connection is lost, or until `limit` events came.
followed follow(std::uint16_t port, const std::string& id, std::int64_t after, std::size_t limit = SIZE_MAX) {
  followed result;
  websocket_client client{port, task_path(id) + "/chat?after=" + std::to_string(after)};
  while (result.events.size() < limit) {
    const auto frame = client.next();
    if (!frame) {
      break;
    }
    if (!frame->contains("seq")) {
      continue;
    }
    if (const auto at = parse_rfc3339(frame->at("at").get<std::string>())) {
      result.ages.add(now() - *at);
    }
    result.events.push_back(*frame);
    if (is_terminal_event(*frame)) {
      break;
    }
  }
  return result;
}

} // namespace

using Streams = cluster_test;

TEST_F(Streams, AreSeenAtEveryNodeSoonAfterTheyAreWritten) {
  start({.all = 1, .gateways = 1});
  const std::string id = start_task("@words=150 @pace=20").at("id");
  wait_for_status(id, "RUNNING");
  followed here;
  followed elsewhere;
  std::thread local{[&] { here = follow(nodes().at("n1").port(), id, 0); }};
  std::thread remote{[&] { elsewhere = follow(nodes().at("g1").port(), id, 0); }};
  local.join();
  remote.join();
  show_figure("age of an event at the node that runs its task", here.ages);
  show_figure("age of an event at another node", elsewhere.ages);
  EXPECT_EQ(here.events, journal(id));
  EXPECT_EQ(elsewhere.events, journal(id));
  EXPECT_LT(elsewhere.ages.median() - here.ages.median(), 100.0);
}

TEST_F(Streams, GoOnAtAnotherNodeWhenTheFirstOneDies) {
  start({.gateways = 2, .workers = 1});
  const std::string id = start_task("@words=100 @pace=20").at("id");
  auto seen = follow(nodes().at("g1").port(), id, 0, 20).events;
  ASSERT_EQ(seen.size(), 20U);
  nodes().at("g1").kill();
  const auto rest = follow(nodes().at("g2").port(), id, seen.back().at("seq")).events;
  seen.insert(seen.end(), rest.begin(), rest.end());
  EXPECT_EQ(seen, journal(id));
  expect_sound(id);
}

TEST_F(Streams, GoOnWhenTheNodeThatRunsTheTaskDies) {
  start({.gateways = 1, .workers = 2});
  const std::string id = start_task("@words=60 @pace=20").at("id");
  const std::string runs_on = wait_for_status(id, "RUNNING").at("node");
  followed whole;
  std::thread subscriber{[&] { whole = follow(nodes().at("g1").port(), id, 0); }};
  EXPECT_TRUE(eventually([&] { return journal(id).size() > 10; }));
  nodes().at(runs_on).kill();
  subscriber.join();
  EXPECT_EQ(whole.events, journal(id));
  expect_sound(id);
}

TEST_F(Streams, AreSeenWithoutLinksToo) {
  start({.all = 1, .gateways = 1}, {{"--node-links", "off"}});
  const std::string id = start_task("@words=50 @pace=20").at("id");
  const auto elsewhere = follow(nodes().at("g1").port(), id, 0);
  show_figure("age of an event at another node, without links", elsewhere.ages);
  EXPECT_EQ(elsewhere.events, journal(id));
}

} // namespace troupe
