#include "tests/bench/benchmarks.hpp"
#include "tests/bench/http_load.hpp"
#include "tests/bench/postgres_nodes.hpp"
#include "tests/bench/start_times.hpp"
#include "tests/bench/subscribers.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <stdexcept>
#include <thread>

/// Nodes on one PostgreSQL: what they cost when idle, how soon work starts, how it grows
/// with them, and how late a stream is that comes from another node.
namespace troupe {

namespace {

using clock = std::chrono::steady_clock;

// -- latency ----------------------------------------------------------------------

struct start_times {
  void add(std::vector<double> milliseconds) {
    medians.push_back(percentile(milliseconds, 0.5));
    slow.push_back(percentile(milliseconds, 0.99));
  }

  std::vector<double> medians;
  std::vector<double> slow;
};

// -- growth -----------------------------------------------------------------------

struct spread {
  double per_second = 0;
  double most_running = 0;
};

/// Creates tasks that wait half a second each, all at one node, and looks until the last
/// one has ended.
spread run_delayed(std::uint16_t port, std::size_t tasks) {
  const std::string request = post_request("/api/v1/tasks", R"({"input":"@delay=500 Hello","execute":true})");
  http_load load{port, 50};
  std::int64_t most = 0;
  const auto begin = clock::now();
  load.run(tasks, 201, [&](std::size_t) { return std::string_view{request}; });
  wait_until_empty(port, [&](std::int64_t running) { most = std::max(most, running); });
  const std::chrono::duration<double> took = clock::now() - begin;
  return {static_cast<double>(tasks) / took.count(), static_cast<double>(most)};
}

// -- streams ----------------------------------------------------------------------

/// When each chunk of a task came, by its number in the journal.
using arrivals = std::map<std::int64_t, clock::time_point>;

arrivals follow(subscribers& room) {
  arrivals chunks;
  room.receive_until([&](std::string_view frame) {
    if (frame.starts_with(R"({"type":"chat:chunk")")) {
      chunks[integer_member(frame, "seq")] = clock::now();
    }
    return frame.starts_with(R"({"type":"task:completed")");
  });
  return chunks;
}

/// How much later each chunk of a task comes to a subscriber at `elsewhere` than to one
/// at `here`, where it runs.
std::vector<double> time_stream(std::uint16_t here, std::uint16_t elsewhere, std::size_t words) {
  const auto socket = connect_loopback(elsewhere);
  // It waits until both have joined.
  const std::string input = "@delay=1000 @pace=20 @words=" + std::to_string(words);
  const std::string task
    = ask(socket.get(), post_request("/api/v1/tasks", R"({"input":")" + input + R"(","execute":true})"));
  const std::string room = "task:" + string_member(task, "id");
  subscribers near{here, 1, room};
  subscribers far{elsewhere, 1, room};
  arrivals first;
  std::thread beside{[&] { first = follow(near); }};
  const arrivals second = follow(far);
  beside.join();
  std::vector<double> later;
  for (const auto& [seq, at] : first) {
    later.push_back(milliseconds_between(at, second.at(seq)));
  }
  return later;
}

// -- idleness ---------------------------------------------------------------------

/// Has the server count statements.
void count_statements(postgres_server& server) {
  server.query("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
  server.stop_fast();
  server.start();
  server.query("CREATE EXTENSION pg_stat_statements");
}

double statements_per_second(const postgres_server& server, std::chrono::seconds duration) {
  server.query("SELECT pg_stat_statements_reset()");
  std::this_thread::sleep_for(duration);
  const std::string calls = server.value(
    "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'");
  return std::stod(calls) / static_cast<double>(duration.count());
}

} // namespace

std::vector<figure> measure_postgres_idleness(const bench_options& options) {
  // Less would see some of what is done at intervals, and some not.
  constexpr std::chrono::seconds duration{20};
  constexpr std::chrono::seconds settling{5};
  const auto samples = repeat(options.repetitions, [&] {
    postgres_nodes nodes{options};
    count_statements(nodes.database());
    for (int i = 0; i < 3; ++i) {
      nodes.add();
    }
    nodes.wait_until_linked();
    std::this_thread::sleep_for(settling);
    return statements_per_second(nodes.database(), duration);
  });
  return {{"three idle nodes", "statements/s", samples, 10, goal::at_most, "all nodes together"}};
}

std::vector<figure> measure_postgres_latency(const bench_options& options) {
  const std::size_t tasks = options.amount(2'000);
  start_times one;
  start_times two;
  for (int i = 0; i < options.repetitions; ++i) {
    postgres_nodes single{options};
    one.add(time_starts(single.add().port(), tasks));
    single.end();
    postgres_nodes pair{options};
    const auto port = pair.add("gateway").port();
    pair.add("worker");
    pair.wait_until_linked();
    two.add(time_starts(port, tasks));
  }
  return {
    reference("PostgreSQL, POST to task:started, p50", "ms", one.medians, "at a subscriber"),
    reference("PostgreSQL, POST to task:started, p99", "ms", one.slow),
    {"  on another node, p50", "ms", two.medians, 50, goal::at_most, "gateway and worker apart"},
    reference("  on another node, p99", "ms", two.slow),
  };
}

std::vector<figure> measure_postgres_nodes(const bench_options& options) {
  constexpr int capacity = 200;
  constexpr std::size_t count = 3;
  // Enough to fill all of them more than once.
  const std::size_t tasks = options.quick ? 1'500 : 6'000;
  std::array<std::vector<double>, count> rates;
  std::array<std::vector<double>, count> running;
  for (int i = 0; i < options.repetitions; ++i) {
    postgres_nodes nodes{options};
    std::uint16_t port = 0;
    for (std::size_t n = 0; n < count; ++n) {
      auto& added = nodes.add("all", {"--capacity", std::to_string(capacity)});
      port = port == 0 ? added.port() : port;
      nodes.wait_until_linked();
      const auto measured = run_delayed(port, tasks);
      rates[n].push_back(measured.per_second);
      running[n].push_back(measured.most_running);
    }
  }
  std::vector<figure> figures;
  for (std::size_t n = 0; n < count; ++n) {
    const auto all = static_cast<double>(capacity * (n + 1));
    const std::string name = std::to_string(n + 1) + (n == 0 ? " node" : " nodes") + ", @delay=500";
    figures.push_back({name + ", in flight", "tasks", running[n], all * 0.95, goal::at_least});
    figures.push_back(
      reference("  throughput", "tasks/s", rates[n], "of " + pretty(all * 2) + " that the delay leaves possible"));
  }
  return figures;
}

std::vector<figure> measure_postgres_streams(const bench_options& options) {
  const std::size_t words = options.amount(1'000);
  std::vector<double> medians;
  std::vector<double> slow;
  for (int i = 0; i < options.repetitions; ++i) {
    postgres_nodes nodes{options};
    const auto elsewhere = nodes.add("gateway").port();
    const auto here = nodes.add().port();
    nodes.wait_until_linked();
    auto later = time_stream(here, elsewhere, words);
    medians.push_back(percentile(later, 0.5));
    slow.push_back(percentile(later, 0.99));
  }
  return {{"chunk at another node, later by, p50", "ms", medians, 10, goal::at_most},
          reference("chunk at another node, later by, p99", "ms", slow)};
}

} // namespace troupe
