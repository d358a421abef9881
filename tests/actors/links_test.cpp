#include "actors/node.hpp"
#include "tests/actors/faulty_database.hpp"
#include "tests/eventually.hpp"
#include "tests/temporary_folder.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/openssl/manager.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

/// Links over real sockets: two whole nodes in one process, each with an actor system
/// and a database of its own, which only believe that they share one.
namespace troupe {

namespace {

using namespace std::chrono_literals;

/// Files of PEM; empty without TLS.
struct certificate {
  std::string own;
  std::string key;
  std::string authority;
};

caf::actor_system_config& configure(caf::actor_system_config& config, const certificate& tls,
                                    const std::string& application) {
  config.add_message_types<caf::id_block::troupe_wire>();
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", static_cast<std::size_t>(2));
  config.load<caf::io::middleman>();
  config.set("middleman.heartbeat-interval", caf::timespan{1s});
  config.set("middleman.connection-timeout", caf::timespan{5s});
  config.set("middleman.app-identifiers", std::vector<std::string>{application});
  if (!tls.own.empty()) {
    config.load<caf::openssl::manager>();
    config.openssl_certificate = tls.own;
    config.openssl_key = tls.key;
    config.openssl_cafile = tls.authority;
  }
  return config;
}

/// A node as a process has it.
class real_node {
public:
  /// The one that dials, by its name `younger`, as the others know it before it is there.
  static node_record youngest() {
    node_record one;
    one.id = uuid::parse("ffffffff-ffff-7fff-bfff-ffffffffffff").value();
    one.name = "younger";
    return one;
  }

  real_node(std::string name, const certificate& tls = {}, std::vector<node_record> others = {},
            const std::string& application = "troupe-test")
    : system_{configure(config_, tls, application)}, self_{system_} {
    faults_->shared = true;
    faults_->other_nodes = std::move(others);
    const bool is_youngest = name == "younger";
    // Whoever is not in a node's table is not its peer.
    if (!is_youngest)
      faults_->other_nodes.push_back(youngest());
    auto opened = open_database("sqlite:" + folder_.file("troupe.db"));
    node_config config;
    config.store = std::make_shared<faulty_database>(std::get<std::shared_ptr<database>>(opened), faults_);
    config.measured = measured_;
    config.readers = 1;
    config.give_up = [this](const std::string&) { gave_up_ = true; };
    const auto id = is_youngest ? youngest().id : make_uuid();
    config.supervisor.node = config.cluster.name = std::move(name);
    config.supervisor.node_id = config.cluster.node_id = id;
    config.supervisor.clock = config.cluster.clock = now;
    config.supervisor.random = [] { return 0.5; };
    config.connector.tls = !tls.own.empty();
    node_ = system_.spawn(node, std::move(config));
  }

  ~real_node() {
    for (const auto& one : subscribers_)
      caf::anon_send_exit(one, caf::exit_reason::kill);
    self_->request(node_, patience, stop_node{}).receive([](const done&) {}, [](const caf::error&) {});
    node_ = nullptr;
    subscribers_.clear();
  }

  real_node(const real_node&) = delete;
  real_node& operator=(const real_node&) = delete;

  services_ptr peers() { return ask<services_ptr>(node_, get_services{}); }

  /// As it announces itself, with the address of its port.
  node_record record() {
    node_record found;
    EXPECT_TRUE(eventually([&] {
      const auto nodes = ask<node_list>(peers()->readers.front(), get_nodes{}).nodes;
      if (!nodes.empty())
        found = nodes.front();
      return !found.address.empty();
    }));
    return found;
  }

  [[nodiscard]] bool has_links(int count) {
    const auto text = measured_->render({}, now());
    return text.find("troupe_cluster_links " + std::to_string(count) + "\n") != std::string::npos;
  }

  [[nodiscard]] bool gave_up() const { return gave_up_; }

  /// Events of the namespace that have reached a subscriber of this node.
  std::shared_ptr<std::atomic<int>> subscribe() {
    auto count = std::make_shared<std::atomic<int>>(0);
    const auto one = system_.spawn([count](subscriber_actor::pointer) -> subscriber_actor::behavior_type {
      return {[count](const events_published& published) { *count += static_cast<int>(published.chosen.size()); },
              [](const events_missed&) {}};
    });
    subscribers_.push_back(caf::actor_cast<caf::actor>(one));
    ask<done>(peers()->broadcaster, join_room{{room::kind::ns, {}, "default"}, one});
    return count;
  }

  /// Not executed, so that it is one event.
  void note() {
    create_task command;
    auto& fresh = command.task;
    fresh.id = fresh.thread_id = make_uuid();
    fresh.ns = fresh.bot_ns = fresh.bot = "default";
    fresh.name = fresh.input = "a note";
    fresh.created_by = "tester";
    fresh.created_at = now();
    ask<task_result>(peers()->writer, command);
  }

  void end_cluster_actor() { caf::anon_send_exit(peers()->cluster, caf::exit_reason::kill); }

private:
  template <class Result, class Handle, class Request>
  Result ask(const Handle& whom, const Request& request) {
    Result answer{};
    self_->request(whom, patience, request)
      .receive([&](Result& result) { answer = std::move(result); },
               [](const caf::error& reason) { ADD_FAILURE() << sentence_of(reason); });
    return answer;
  }

  temporary_folder folder_;
  std::shared_ptr<fault_plan> faults_ = std::make_shared<fault_plan>();
  metrics_ptr measured_ = std::make_shared<metrics>();
  std::atomic<bool> gave_up_ = false;
  caf::actor_system_config config_;
  caf::actor_system system_;
  caf::scoped_actor self_;
  node_actor node_;
  std::vector<caf::actor> subscribers_;
};

/// With certificates made for the test.
class EncryptedLinks : public testing::Test {
protected:
  void SetUp() override {
    if (!run("openssl version"))
      GTEST_SKIP() << "THE OPENSSL COMMAND IS NOT INSTALLED: encrypted links are not tested";
    ASSERT_TRUE(make_authority("ca"));
    first_ = make_certificate("first", "ca");
    second_ = make_certificate("second", "ca");
  }

  bool make_authority(const std::string& name) {
    return run("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=" + name + " -keyout "
               + folder_.file(name + ".key") + " -out " + folder_.file(name + ".pem"));
  }

  certificate make_certificate(const std::string& name, const std::string& authority) {
    const auto request = folder_.file(name + ".csr");
    certificate made{folder_.file(name + ".pem"), folder_.file(name + ".key"), folder_.file(authority + ".pem")};
    EXPECT_TRUE(
      run("openssl req -newkey rsa:2048 -nodes -subj /CN=" + name + " -keyout " + made.key + " -out " + request));
    EXPECT_TRUE(run("openssl x509 -req -days 2 -CAcreateserial -in " + request + " -CA " + made.authority + " -CAkey "
                    + folder_.file(authority + ".key") + " -out " + made.own));
    return made;
  }

  static bool run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }

  temporary_folder folder_;
  certificate first_;
  certificate second_;
};

/// The same, or without any.
class Links : public EncryptedLinks, public testing::WithParamInterface<bool> {
protected:
  void SetUp() override {
    if (GetParam())
      EncryptedLinks::SetUp();
  }
};

} // namespace

TEST_P(Links, CarryEventsBothWays) {
  real_node older{"older", first_};
  real_node younger{"younger", second_, {older.record()}};
  ASSERT_TRUE(eventually([&] { return older.has_links(1) && younger.has_links(1); }));
  const auto there = younger.subscribe();
  older.note();
  EXPECT_TRUE(eventually([&] { return *there == 1; }));
  // Both databases are at the same position again.
  younger.note();
  EXPECT_TRUE(eventually([&] { return *there >= 1; }));
}

TEST_P(Links, BreakWhenTheOtherNodeEnds) {
  real_node older{"older", first_};
  {
    real_node younger{"younger", second_, {older.record()}};
    ASSERT_TRUE(eventually([&] { return older.has_links(1); }));
  }
  EXPECT_TRUE(eventually([&] { return older.has_links(0); }));
}

TEST_P(Links, AreMadeAgainWhenOneEndDies) {
  real_node older{"older", first_};
  real_node younger{"younger", second_, {older.record()}};
  ASSERT_TRUE(eventually([&] { return older.has_links(1) && younger.has_links(1); }));
  const auto before = younger.peers()->cluster;
  younger.end_cluster_actor();
  ASSERT_TRUE(eventually([&] { return younger.peers()->cluster != before; }));
  EXPECT_TRUE(eventually([&] { return older.has_links(1) && younger.has_links(1); }));
  const auto there = younger.subscribe();
  older.note();
  EXPECT_TRUE(eventually([&] { return *there == 1; }));
  EXPECT_FALSE(younger.gave_up());
}

TEST_P(Links, AreNotMadeBetweenDatabases) {
  real_node older{"older", first_};
  real_node sister{"sister", first_, {}, "another-database"};
  real_node younger{"younger", second_, {older.record(), sister.record()}, "another-database"};
  // Both are dialled at once, so that the one has been refused when the other is linked.
  EXPECT_TRUE(eventually([&] { return sister.has_links(1) && younger.has_links(1); }));
  EXPECT_TRUE(older.has_links(0));
}

INSTANTIATE_TEST_SUITE_P(Plain, Links, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Tls, Links, testing::Values(true));

TEST_F(EncryptedLinks, NeedACertificateOfTheSameAuthority) {
  ASSERT_TRUE(make_authority("strange"));
  auto stranger = make_certificate("stranger", "strange");
  stranger.authority = first_.authority;
  real_node older{"older", first_};
  // Whoever trusts the stranger's authority takes it.
  auto trusting = second_;
  trusting.authority = folder_.file("strange.pem");
  real_node friendly{"friendly", trusting};
  real_node younger{"younger", stranger, {older.record(), friendly.record()}};
  EXPECT_TRUE(eventually([&] { return friendly.has_links(1) && younger.has_links(1); }));
  EXPECT_TRUE(older.has_links(0));
}

} // namespace troupe
