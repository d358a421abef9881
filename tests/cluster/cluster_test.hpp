#pragma once

#include "persistence/values/time.hpp"
#include "tests/cluster/chaos_options.hpp"
#include "tests/cluster/cluster.hpp"
#include "tests/cluster/figures.hpp"
#include "tests/cluster/history.hpp"
#include "tests/cluster/judge.hpp"
#include "tests/cluster/load.hpp"
#include "tests/cluster/watchers.hpp"
#include "tests/e2e/server_test.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

/// What the tests of the cluster share: a cluster per test, load on it with a judge at its
/// end, and the words to speak with it.
namespace troupe {

/// The time in which faults happen, under load.
class stage {
public:
  stage(cluster& nodes, history& record, std::uint64_t seed, std::chrono::milliseconds length);

  /// The time for faults is not over.
  [[nodiscard]] bool goes_on() const { return std::chrono::steady_clock::now() < end_; }

  /// Waits until so many further tasks were acknowledged: a moment that depends on what the
  /// cluster does, not on the clock. Fails the test if they do not come.
  void await_tasks(std::size_t count);

  /// A moment: after 10 to 40 further tasks.
  void await_some_tasks() { await_tasks(10 + random_() % 30); }

  /// What is acknowledged until the next call may be lost with the primary.
  void let_vanish(bool on) { history_.let_vanish(on); }

  /// One of `among`.
  node& any_of(const std::vector<node*>& among);

  /// The one of `among` that runs most tasks, once any of them runs some.
  static node& busiest_of(const std::vector<node*>& among);

  [[nodiscard]] cluster& nodes() noexcept { return nodes_; }
  std::mt19937_64& random() noexcept { return random_; }

private:
  cluster& nodes_;
  history& history_;
  std::mt19937_64 random_;
  std::chrono::steady_clock::time_point end_;
};

/// How a test is put under load.
struct load_test {
  /// For how long faults happen.
  std::chrono::milliseconds length = load_time(5s);
  double tasks_per_second = 50;
  std::vector<std::string> inputs = all_kinds_of_inputs();
  /// For how long clients repeat a call that nobody answers.
  std::chrono::milliseconds client_patience = patience;
};

/// What came of it.
struct load_result : verdict {
  call_counts calls;
};

class cluster_test : public testing::Test {
protected:
  /// Starts nodes over a new database: `all` n1, n2…, gateways g1, g2…, workers w1, w2….
  struct roles {
    int all = 0;
    int gateways = 0;
    int workers = 0;
  };
  void start(roles counts, const flag_map& flags = {});

  /// A cluster without nodes; those that the test adds itself are waited for by `become_ready`.
  void start_empty(const flag_map& flags = {});
  /// The same over a database that others keep.
  void start_empty_on(const postgres_database& elsewhere, const flag_map& flags = {});
  void become_ready();

  [[nodiscard]] cluster& nodes() { return cluster_.value(); }

  /// Lets `faults` happen while clients create tasks and subscribers follow them. Then the
  /// cluster has to become whole, and nothing may be lost or done twice.
  load_result under_load(const load_test& test, const std::function<void(stage&)>& faults);

  /// A bot on the built-in model whose restarts have no delay.
  void put_bot(const std::string& name, const json& members = json::object());

  /// A task with this input, executed, made at the gateway on `port`; 0 takes any.
  json start_task(const std::string& input, json members = json::object(), std::uint16_t port = 0);

  json task(const std::string& id);
  json wait_for_end_of(const std::string& id);
  json wait_for_status(const std::string& id, const std::string& status);
  std::vector<json> journal(const std::string& id);
  std::vector<json> attempts(const std::string& id);

  /// When the journal's first entry of this type and attempt was written.
  std::optional<timestamp> time_of(const std::string& id, const std::string& type, int attempt);

  /// The task is ended and whole.
  void expect_sound(const std::string& id);

  /// Nodes that were not ended by the test run, and end in order when they are told to.
  void TearDown() override;

private:
  std::optional<cluster> cluster_;
};

} // namespace troupe
