#include "tests/cluster/cluster_test.hpp"
#include "tests/e2e/stream_clients.hpp"

#include <algorithm>

/// SIGTERM: a node is taken out of a cluster that works on.
namespace troupe {

using DrainedNodes = cluster_test;

TEST_F(DrainedNodes, OneAfterTheOtherFailNoRequestThatIsRepeated) {
  // Too short for the longest tasks: some have to be handed over.
  start({.all = 3}, {{"--drain-timeout", "500ms"}});
  int rounds = 0;
  const auto result = under_load({.length = load_time(2s)}, [&](stage& scene) {
    do {
      for (auto* n : nodes().nodes()) {
        scene.await_some_tasks();
        n->drain();
        EXPECT_EQ(n->wait_for_end(), 0) << n->output();
        n->start();
      }
      ++rounds;
    } while (scene.goes_on());
  });
  show_figure("rolling restarts", std::to_string(rounds));
  EXPECT_EQ(result.lost_attempts, 0U) << "what ends in order loses nothing";
  EXPECT_GT(result.released_attempts, 0U) << "the load was too light to prove anything";
  EXPECT_EQ(result.calls.timed_out, 0U) << "a call was not answered";
}

TEST_F(DrainedNodes, HandTheirTasksOverAtOnceWithoutChargingAnAttempt) {
  // A lease of ten seconds: whoever waited for it would be late.
  start({.gateways = 1, .workers = 2}, {{"--drain-timeout", "300ms"}, {"--capacity", "4"}, {"--lease-time", "10s"}});
  put_bot("once", {{"restart", {{"max_attempts", 1}}}});
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(start_task("@delay=2000 long", {{"spec", {{"bot_name", "once"}}}}).at("id"));
  }
  std::vector<std::string> moved;
  for (const auto& id : ids) {
    if (wait_for_status(id, "RUNNING").at("node") == "w1") {
      moved.push_back(id);
    }
  }
  ASSERT_FALSE(moved.empty()) << "the work does not spread";
  const auto told_at = now();
  nodes().at("w1").drain();
  EXPECT_EQ(nodes().at("w1").wait_for_end(), 0);
  series times;
  for (const auto& id : moved) {
    const json done = wait_for_end_of(id);
    EXPECT_EQ(done.at("status"), "COMPLETED") << done;
    EXPECT_EQ(done.at("attempt"), 2);
    EXPECT_EQ(attempts(id).at(0).at("outcome"), "released");
    expect_sound(id);
    if (const auto started = time_of(id, "task:started", 2)) {
      times.add(*started - told_at);
    }
  }
  // There is room for four at a time: the others wait for those that the second worker runs already.
  show_figure("handed over after SIGTERM, of which 300 ms were the drain", times);
  EXPECT_LT(times.median(), 4000.0);
}

TEST_F(DrainedNodes, ClaimNothingAndSaySo) {
  start({.gateways = 1, .workers = 1}, {{"--drain-timeout", "10s"}});
  const std::string running = start_task("@delay=1500 to its end").at("id");
  wait_for_status(running, "RUNNING");
  nodes().at("w1").drain();
  EXPECT_TRUE(eventually([&] {
    const auto listed = nodes().listed_nodes();
    return std::any_of(listed.begin(), listed.end(),
                       [](const json& n) { return n.at("name") == "w1" && n.at("status") == "draining"; });
  }))
    << json(nodes().listed_nodes());
  const std::string waiting = start_task("for the next one").at("id");
  EXPECT_EQ(nodes().at("w1").wait_for_end(), 0);
  EXPECT_EQ(task(running).at("status"), "COMPLETED");
  EXPECT_EQ(task(waiting).at("status"), "PENDING");
  nodes().add("w2", "worker");
  EXPECT_EQ(wait_for_end_of(waiting).at("node"), "w2");
}

TEST_F(DrainedNodes, CloseTheirWebSocketsSoThatClientsGoOnElsewhere) {
  start({.gateways = 2, .workers = 1});
  auto& first = nodes().at("g1");
  const json started = start_task("@words=80 @pace=20");
  std::vector<json> seen;
  const auto keep_events = [&](std::vector<json> frames) {
    std::erase_if(frames, [](const json& frame) { return !frame.contains("seq"); });
    seen.insert(seen.end(), frames.begin(), frames.end());
  };
  websocket_client client{first.port(), task_path(started) + "/chat?after=0"};
  keep_events(client.until(of_type("chat:chunk")));
  first.drain();
  while (const auto frame = client.next()) {
    keep_events({*frame});
  }
  EXPECT_EQ(client.wait_for_close(), 1012U);
  EXPECT_EQ(first.wait_for_end(), 0);

  websocket_client again{nodes().at("g2").port(), task_path(started) + "/chat?after=" + seen.back().at("seq").dump()};
  keep_events(again.until([](const json& frame) { return frame.contains("seq") && is_terminal_event(frame); }));
  EXPECT_EQ(seen, journal(started.at("id")));
}

} // namespace troupe
