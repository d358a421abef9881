#include "tests/e2e/server_test.hpp"
#include "tests/e2e/stream_clients.hpp"

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

/// What a client may rely on that is in several rooms, or that comes back to a
/// server which has less than it has seen.
namespace troupe {

namespace {

class Rooms : public server_test {
protected:
  websocket_client connect(const std::string& target) { return {server().port(), target}; }

  static void subscribe(websocket_client& client, const std::string& room, const json& after = nullptr) {
    json frame{{"type", "subscribe"}, {"room", room}};
    if (!after.is_null())
      frame["after"] = after;
    client.send(frame);
  }
};

frame_test end_of(const std::string& id) {
  return [id](const json& frame) { return frame.value("task_id", "") == id && is_terminal_event(frame); };
}

} // namespace

TEST_F(Rooms, ThatOverlapBringEachEventOnce) {
  auto client = connect("/api/v1/events");
  subscribe(client, "namespace:default");
  client.until(of_type("subscribed"));
  subscribe(client, "user:ann");
  client.until(of_type("subscribed"));
  const json task = start_task("@words=20 @pace=5", {{"created_by", "ann"}});
  subscribe(client, "task:" + task.at("id").get<std::string>());
  std::vector<std::int64_t> numbers;
  for (const auto& frame : client.until(end_of(task.at("id"))))
    if (frame.contains("seq"))
      numbers.push_back(frame.at("seq"));
  std::vector<std::int64_t> expected(numbers.size());
  std::iota(expected.begin(), expected.end(), 1);
  EXPECT_EQ(numbers, expected);
}

TEST_F(Rooms, ThatAreJoinedAgainUnderLoadLoseNothing) {
  auto client = connect("/api/v1/events");
  subscribe(client, "namespace:other");
  client.until(of_type("subscribed"));
  subscribe(client, "namespace:default");
  client.until(of_type("subscribed"));
  std::set<std::string> open;
  for (int i = 0; i < 10; ++i) {
    open.insert(start_task("@words=60 @pace=5").at("id"));
    http().post("/api/v1/tasks?namespace=other", {{"input", "@words=60 @pace=5"}, {"execute", true}});
  }
  std::map<std::string, std::int64_t> latest;
  int frames = 0;
  while (!open.empty()) {
    const auto frame = client.next();
    ASSERT_TRUE(frame) << open.size() << " tasks were not seen to end";
    if (!frame->contains("seq") || frame->at("namespace") != "default")
      continue;
    auto& last = latest[frame->at("task_id")];
    const auto seq = frame->at("seq").get<std::int64_t>();
    // Joining again asks for what is behind the cursor, some of which is on its way already.
    EXPECT_LE(seq, last + 1) << *frame;
    last = std::max(last, seq);
    if (is_terminal_event(*frame))
      open.erase(frame->at("task_id"));
    if (++frames % 7 == 0)
      subscribe(client, "namespace:default", frame->at("cursor"));
  }
}

TEST_F(Rooms, OfAServerThatHasLostWhatAClientHasSeenSaySoAndGoOn) {
  run_task("one");
  run_task("two");
  auto before = connect("/api/v1/events");
  subscribe(before, "namespace:default");
  before.until(of_type("subscribed"));
  const json last = before.until(end_of(start_task("three").at("id"))).back();

  // As if an old backup had been restored.
  server().signal(SIGKILL);
  server().wait();
  std::filesystem::remove_all(data_dir());
  start();
  auto after = connect("/api/v1/events");
  subscribe(after, "namespace:default", last.at("cursor"));
  const json gap = after.until(of_type("gap")).back();
  EXPECT_EQ(gap.at("room"), "namespace:default");
  EXPECT_LE(gap.at("from"), gap.at("to"));
  const json task = start_task("four");
  EXPECT_EQ(after.until(end_of(task.at("id"))).front().at("type"), "task:created");
}

TEST_F(Rooms, AreTheSameOnEveryIoThread) {
  start({"--io-threads", "3"});
  std::vector<std::unique_ptr<websocket_client>> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<websocket_client>(server().port(), "/api/v1/events"));
    subscribe(*clients.back(), "namespace:default");
    clients.back()->until(of_type("subscribed"));
  }
  const auto id = start_task("@words=10 @pace=5").at("id").get<std::string>();
  for (auto& client : clients) {
    const auto seen = client->until(end_of(id));
    EXPECT_EQ(seen, journal_of(http(), id));
  }
}

} // namespace troupe
