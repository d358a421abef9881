#include "tests/e2e/server_test.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <random>
#include <thread>

/// The kill test: the process is killed at random moments, again and again, with
/// hundreds of tasks in flight, and nothing that was acknowledged may be lost or
/// done twice.
namespace troupe {

namespace {

constexpr int kills = 25;

/// What the tasks do: quick and slow ones, streams, tools, and all kinds of failures.
const std::vector<std::string> inputs{
  "Hello",
  "@delay=50 short",
  "@delay=2000 long",
  "@delay=3000 longer",
  "@words=40 @pace=5",
  "@words=40 @pace=50",
  R"(@tool=calculate:{"expression":"6*7"} @pace=20 one two three)",
  "@tool=now:{} @delay=100 time",
  "@fail=1:transient @delay=20 second time",
  "@fail=2:crash third time",
  "@fail=1:permanent never",
  "@fail=99:transient never",
  "@fail=1:throttled patience",
};

/// A seed to repeat a run with: TROUPE_KILL_SEED, else a new one.
std::uint64_t choose_seed() {
  const char* given = std::getenv("TROUPE_KILL_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

/// Clients that create tasks as long as they are told to, on whatever server there
/// is, and remember each one that was acknowledged.
class load {
public:
  explicit load(std::uint64_t seed) {
    for (std::uint64_t i = 0; i < 4; ++i) {
      threads_.emplace_back([this, seed, i] { run(std::mt19937_64{seed + i}); });
    }
  }

  ~load() { stop(); }

  load(const load&) = delete;
  load& operator=(const load&) = delete;

  /// 0: there is no server.
  void serve_at(std::uint16_t port) { port_ = port; }

  void stop() {
    stopped_ = true;
    for (auto& thread : threads_) {
      thread.join();
    }
    threads_.clear();
  }

  std::vector<std::string> acknowledged() {
    const std::lock_guard guard{mutex_};
    return acknowledged_;
  }

private:
  void run(std::mt19937_64 random) {
    while (!stopped_) {
      std::uint16_t port = 0;
      eventually([&] { return (port = port_) != 0 || stopped_; });
      try {
        http_client http{port};
        while (!stopped_ && port == port_) {
          create(http, random);
        }
      } catch (const boost::system::system_error&) {
        // The server was killed: what it did not acknowledge may or may not be there.
        port_.compare_exchange_strong(port, 0);
      }
    }
  }

  void create(http_client& http, std::mt19937_64& random) {
    json body{{"input", inputs[random() % inputs.size()]}, {"execute", true}, {"spec", {{"bot_name", "quick"}}}};
    std::string thread;
    if (random() % 4 == 0) {
      const std::lock_guard guard{mutex_};
      if (!acknowledged_.empty()) {
        thread = acknowledged_[acknowledged_.size() - 1 - random() % std::min<std::size_t>(10, acknowledged_.size())];
      }
    }
    if (!thread.empty()) {
      body["thread_id"] = http.get(task_path(thread)).document().at("thread_id");
    }
    const json task = create_task_from(http, body);
    const std::lock_guard guard{mutex_};
    acknowledged_.push_back(task.at("id"));
  }

  std::atomic<std::uint16_t> port_{0};
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::vector<std::string> acknowledged_;
  std::vector<std::thread> threads_;
};

} // namespace

class Kill : public server_test {};

TEST_F(Kill, AtRandomMomentsLosesNothingThatWasAcknowledged) {
  const std::uint64_t seed = choose_seed();
  std::cout << "TROUPE_KILL_SEED=" << seed << " repeats the choices of this run" << std::endl;
  std::mt19937_64 random{seed};
  const std::vector<std::string> flags{"--max-recoveries", "1000"};

  start(flags);
  put_bot("quick");
  load creator{seed + 1};
  std::size_t least_in_flight = SIZE_MAX;
  std::size_t most_in_flight = 0;
  for (int i = 0; i < kills; ++i) {
    const std::size_t before = creator.acknowledged().size();
    creator.serve_at(server().port());
    // A moment is a number of further acknowledged tasks, and a little more.
    const std::size_t wanted = before + 20 + random() % 150;
    ASSERT_TRUE(eventually([&] { return creator.acknowledged().size() >= wanted; }));
    const json totals = http().get("/api/v1/queue").document().at("totals");
    std::size_t in_flight = 0;
    for (const std::string state : {"ready", "retrying", "blocked", "running"}) {
      in_flight += totals.at(state).get<std::size_t>();
    }
    least_in_flight = std::min(least_in_flight, in_flight);
    most_in_flight = std::max(most_in_flight, in_flight);
    server().signal(SIGKILL);
    ASSERT_EQ(server().wait(), 128 + SIGKILL) << server().output();
    creator.serve_at(0);
    start(flags);
  }
  creator.serve_at(server().port());
  creator.stop();

  const auto ids = creator.acknowledged();
  std::cout << ids.size() << " tasks, " << least_in_flight << " to " << most_in_flight << " in flight at a kill"
            << std::endl;
  EXPECT_GT(most_in_flight, 200U) << "the load was too light to prove anything";
  for (const auto& id : ids) {
    const json task = wait_for_end(http(), id);
    SCOPED_TRACE("task " + id + ": " + task.at("input").get<std::string>());
    const bool sound_before = !HasFailure();
    expect_whole(http(), task);
    if (sound_before && HasFailure()) {
      ADD_FAILURE() << "the first one that is not whole: " << task << "\n"
                    << json(journal_of(http(), id)) << "\n"
                    << json(list_all(http(), task_path(id) + "/messages"));
    }
  }
  // Nothing runs any more, also not one of those that were not acknowledged.
  EXPECT_TRUE(eventually([&] { return http().get("/api/v1/queue").document().at("namespaces").empty(); }));
  EXPECT_TRUE(list_all(http(), "/api/v1/tasks?status=RUNNING").empty());
}

} // namespace troupe
