#include "tests/cluster/cluster_test.hpp"
#include "tests/providers/documented.hpp"
#include "tests/providers/etcd.hpp"
#include "tests/providers/haproxy.hpp"
#include "tests/providers/patroni.hpp"

#include <csignal>
#include <iostream>

/// PostgreSQL that fails over by itself: members under Patroni 3.0.2, which agree in an etcd 3.4.23 on who leads, and
/// an HAProxy 2.6.12 that leads there.
namespace troupe {

class patroni_test : public cluster_test {
protected:
  /// Longer than it takes Patroni to miss a leader (20 s), and everybody to find the next one.
  static constexpr std::chrono::milliseconds long_patience{60'000};

  void start_members(std::size_t count, bool synchronous) {
    store_.emplace();
    members_.emplace(store_->port(), count, synchronous);
    proxy_.emplace([&](std::uint16_t port) { return configuration(port); });
    const postgres_database led_to{proxy_->port()};
    ASSERT_TRUE(eventually([&] { return leads_to_a_primary(led_to); })) << "HAProxy leads nowhere";
    start_empty_on(led_to);
  }

  void TearDown() override {
    if (HasFailure() && members_)
      std::cout << "---- Patroni wrote:" << members_->output() << std::endl;
    cluster_test::TearDown();
  }

  void start_nodes(const flag_map& flags = {}) {
    for (const auto* name : {"n1", "n2", "n3"})
      nodes().add(name, "all", flags);
    become_ready();
  }

  [[nodiscard]] etcd& store() { return *store_; }
  [[nodiscard]] patroni& members() { return *members_; }

  load_result under_long_load(const std::function<void(stage&)>& faults) {
    return under_load({.length = load_time(1s), .client_patience = long_patience}, faults);
  }

  /// Until the members' agreement has run out, and so the leader's right.
  void freeze_store() {
    store().freeze();
    ASSERT_TRUE(eventually([&] { return members().has_no_leader(); }));
    let_pass(21s);
    store().thaw();
    members().await_leader();
  }

private:
  static bool leads_to_a_primary(const postgres_database& where) {
    try {
      return where.value("SELECT pg_is_in_recovery()") == "f";
    } catch (const std::runtime_error&) {
      return false;
    }
  }

  /// The documented one, with this machine's ports.
  [[nodiscard]] std::string configuration(std::uint16_t port) const {
    auto text = documented("haproxy", "### Behind Patroni");
    replace(text, "bind :5000", "bind 127.0.0.1:" + std::to_string(port));
    const auto ports = members_->ports();
    for (std::size_t i = 0; i < 3; ++i) {
      const auto number = std::to_string(i + 1);
      const auto line = "  server pg" + number + " 10.0.0." + number + ":5432 check port 8008\n";
      replace(text, line,
              i < ports.size() ? "  server pg" + number + " 127.0.0.1:" + std::to_string(ports[i].database)
                                   + " check port " + std::to_string(ports[i].api) + "\n"
                               : "");
    }
    return text;
  }

  std::optional<etcd> store_;
  std::optional<patroni> members_;
  std::optional<haproxy> proxy_;
};

/// The parameter: a commit waits for a standby.
class BehindPatroni : public patroni_test, public testing::WithParamInterface<bool> {
protected:
  [[nodiscard]] static bool is_synchronous() { return GetParam(); }

  /// Where the leader is killed, another one has to be there for whom the next one waits.
  void start_all() {
    start_members(is_synchronous() ? 3 : 2, is_synchronous());
    start_nodes();
  }

  /// From now on the leader's standbys are told nothing.
  void stop_replication() {
    const auto written = nodes().data().value("SELECT pg_current_wal_lsn()");
    ASSERT_TRUE(eventually([&] {
      return nodes().data().value("SELECT bool_and(flush_lsn >= '" + written + "') FROM pg_stat_replication") == "t";
    }));
    for (const auto& row : nodes().data().query("SELECT pid FROM pg_stat_replication"))
      ::kill(std::stoi(row.at(0)), SIGSTOP);
  }
};

/// Nodes that know the members themselves.
using HostsOfPatroni = patroni_test;

#define TROUPE_NEEDS_PATRONI                                                                                           \
  TROUPE_NEEDS(etcd);                                                                                                  \
  TROUPE_NEEDS(patroni);                                                                                               \
  TROUPE_NEEDS(haproxy)

TEST_P(BehindPatroni, APlannedSwitchoverLosesNothing) {
  TROUPE_NEEDS_PATRONI;
  start_all();
  const auto result = under_long_load([&](stage& scene) {
    scene.await_some_tasks();
    members().switch_over();
    scene.await_some_tasks();
  });
  EXPECT_EQ(result.lost_attempts, 0U) << "tasks were taken over from nodes that live";
}

TEST_P(BehindPatroni, AKilledLeaderTakesNothingThatAStandbyHas) {
  TROUPE_NEEDS_PATRONI;
  start_all();
  const auto result = under_long_load([&](stage& scene) {
    scene.await_some_tasks();
    scene.let_vanish(!is_synchronous());
    if (!is_synchronous()) {
      stop_replication();
      scene.await_some_tasks();
    }
    members().kill_leader();
    members().await_leader();
    scene.let_vanish(false);
    scene.await_some_tasks();
  });
  EXPECT_EQ(result.vanished > 0, !is_synchronous());
  // A node whose commits are gone begins again what it runs.
  if (is_synchronous()) {
    EXPECT_EQ(result.lost_attempts, 0U) << "tasks were taken over from nodes that live";
  }
}

TEST_P(BehindPatroni, AFrozenStoreCostsTheTimeThatNobodyLeads) {
  TROUPE_NEEDS_PATRONI;
  start_all();
  const auto result = under_long_load([&](stage& scene) {
    scene.await_some_tasks();
    freeze_store();
    scene.await_some_tasks();
  });
  EXPECT_EQ(result.lost_attempts, 0U) << "tasks were taken over from nodes that live";
}

// Seen: readyz changed about thirty times in eleven seconds while all members were read-only.
TEST_F(HostsOfPatroni, AreLookedThroughQuietlyWhileNobodyLeads) {
  TROUPE_NEEDS_PATRONI;
  start_members(2, false);
  start_nodes({{"--database", members().url()}});
  const auto result = under_long_load([&](stage& scene) {
    scene.await_some_tasks();
    members().switch_over();
    scene.await_some_tasks();
    freeze_store();
    scene.await_some_tasks();
  });
  EXPECT_EQ(result.lost_attempts, 0U) << "tasks were taken over from nodes that live";
  for (const auto* one : nodes().nodes())
    EXPECT_LE(one->metric("troupe_store_outages_total"), 4) << one->output();
}

INSTANTIATE_TEST_SUITE_P(, BehindPatroni, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "Synchronous" : "Asynchronous"; });

} // namespace troupe
