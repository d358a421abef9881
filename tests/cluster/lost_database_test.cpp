#include "tests/cluster/cluster_test.hpp"
#include "tests/cluster/tcp_proxy.hpp"
#include "tests/providers/event_source.hpp"

/// PostgreSQL crashes, is away, comes back; sessions are ended by somebody.
namespace troupe {

class LostDatabase : public cluster_test {
protected:
  [[nodiscard]] std::vector<pid_t> pids() {
    std::vector<pid_t> found;
    for (const auto* n : nodes().nodes()) {
      found.push_back(n->pid());
    }
    return found;
  }

  [[nodiscard]] bool all_are(unsigned readiness) {
    const auto all = nodes().nodes();
    return std::all_of(all.begin(), all.end(), [&](const node* n) { return n->readiness() == readiness; });
  }

  /// A request that the database is needed for is refused, and told when to come back.
  static void expect_refusal(std::uint16_t port) {
    http_client http{port};
    const auto asked = std::chrono::steady_clock::now();
    const auto reply = http.post("/api/v1/tasks", {{"input", "Hello"}, {"execute", true}});
    expect_problem(reply, 503, "store_unavailable");
    EXPECT_FALSE(reply.header("Retry-After").empty());
    EXPECT_LT(std::chrono::steady_clock::now() - asked, 5s) << "a client is left to wait";
  }
};

TEST_F(LostDatabase, CostsNothingButTheTimeItIsAway) {
  start({.all = 3});
  const auto before = pids();
  under_load({.length = load_time(1s)}, [&](stage& scene) {
    do {
      scene.await_some_tasks();
      nodes().database().stop_immediate();
      EXPECT_TRUE(eventually([&] { return all_are(503); })) << "a node believes to be ready";
      for (const auto port : nodes().directory().ports()) {
        expect_refusal(port);
      }
      nodes().database().start();
      const auto back = std::chrono::steady_clock::now();
      EXPECT_TRUE(eventually([&] { return all_are(200); })) << "a node does not come back";
      series ready;
      ready.add(std::chrono::steady_clock::now() - back);
      show_figure("all nodes ready after the database is back", ready);
      EXPECT_LT(ready.worst(), 5000.0);
      scene.await_some_tasks();
    } while (scene.goes_on());
  });
  EXPECT_EQ(pids(), before) << "a node has ended";
}

TEST_F(LostDatabase, ThatOnlyBlinksIsNotNoticed) {
  start({.all = 3});
  const auto before = pids();
  under_load({.length = load_time(3s)}, [&](stage& scene) {
    do {
      scene.await_some_tasks();
      nodes().database().stop_fast();
      nodes().database().start();
    } while (scene.goes_on());
  });
  EXPECT_EQ(pids(), before) << "a node has ended";
}

TEST_F(LostDatabase, ThatIsAStandbyIsSaidToBeOne) {
  postgres_server database;
  ASSERT_EQ(run_troupe({"migrate", "--database", database.url()}).exit_code, 0);
  database.stop_fast();
  database.start_as_standby();
  // Both where there is something to do and where there is nothing.
  for (const std::string name : {"/troupe", "/postgres"}) {
    auto url = database.url();
    url.replace(url.rfind('/'), std::string::npos, name);
    const auto refused = run_troupe({"migrate", "--database", url});
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.output, testing::HasSubstr("is a standby")) << name;
    EXPECT_THAT(refused.output, testing::HasSubstr("target_session_attrs=read-write")) << name;
  }
}

TEST_F(LostDatabase, LetsAnEventSourceComeBack) {
  TROUPE_NEEDS(event_source_client);
  start({.all = 1});
  const auto task = start_task("@words=100 @pace=50");
  const auto target = "/api/v1/tasks/" + task.at("id").get<std::string>() + "/events";
  tcp_proxy link{nodes().any_port()};
  event_source_client before{link.port(), target};
  before.wait_for("open");
  ASSERT_TRUE(eventually([&] { return before.events().size() > 4; }));
  nodes().database().stop_immediate();
  EXPECT_TRUE(eventually([&] { return all_are(503); }));
  // One has lost its connection meanwhile, one begins only now; both are told to come back, more than once.
  link.reset();
  event_source_client meanwhile{nodes().any_port(), target};
  meanwhile.wait_for("lost", 2);
  before.wait_for("lost", 3);
  // Who is no EventSource is told the truth.
  http_client http{nodes().any_port()};
  expect_problem(http.get(target), 503, "store_unavailable");
  nodes().database().start();
  for (auto* one : {&before, &meanwhile}) {
    one->wait_for("finished");
    EXPECT_EQ(one->count("closed"), 0) << one->output();
    EXPECT_EQ(one->events(), journal(task.at("id")));
  }
}

TEST_F(LostDatabase, SessionsThatAreTerminatedAreMadeAgain) {
  start({.all = 3});
  const auto before = pids();
  std::size_t terminated = 0;
  under_load({.length = load_time(3s)}, [&](stage& scene) {
    do {
      scene.await_some_tasks();
      terminated += nodes().database().terminate_backends();
    } while (scene.goes_on());
  });
  show_figure("sessions terminated", std::to_string(terminated));
  EXPECT_GT(terminated, 3U);
  EXPECT_EQ(pids(), before) << "a node has ended";
}

} // namespace troupe
