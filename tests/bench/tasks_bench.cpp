#include "tests/bench/benchmarks.hpp"
#include "tests/bench/ceiling.hpp"
#include "tests/bench/http_load.hpp"
#include "tests/bench/start_times.hpp"
#include "tests/bench/subscribers.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>

/// Tasks: how many, how soon, and at what cost in memory.
namespace troupe {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t clients = 50;
constexpr std::size_t group = 50;
/// Durable peers on such a machine (BullMQ on Redis with an fsync each; Restate; LangGraph is not durable).
constexpr std::string_view peers = "BullMQ 7,600, Restate 1,100, LangGraph 265";

struct throughput {
  double per_second = 0;
  double server_cores = 0;
};

throughput create_and_execute(const bench_options& options, std::size_t tasks) {
  fresh_server server{options};
  http_load load{server.port(), clients};
  const std::string request = post_request("/api/v1/tasks", R"({"input":"Hello","execute":true})");
  const auto before = server.process().cpu_time();
  const auto begin = clock::now();
  load.run(tasks, 201, [&](std::size_t) { return std::string_view{request}; });
  const auto socket = connect_loopback(server.port());
  // An empty queue means that the last task has ended.
  while (ask(socket.get(), get_request("/api/v1/queue")).find("\"namespaces\":[]") == std::string::npos) {
  }
  const std::chrono::duration<double> took = clock::now() - begin;
  const std::chrono::duration<double> worked = server.process().cpu_time() - before;
  const std::string metrics = ask(socket.get(), get_request("/metrics"));
  if (metrics.find("troupe_tasks_total{outcome=\"completed\"} " + std::to_string(tasks)) == std::string::npos) {
    throw std::runtime_error{"not every task was completed:\n" + metrics};
  }
  return {static_cast<double>(tasks) / took.count(), worked / took};
}

} // namespace

void wait_for_queue(std::uint16_t port, std::string_view state, std::size_t count) {
  const auto socket = connect_loopback(port);
  const std::string request = get_request("/api/v1/queue");
  const auto reached = [&] {
    const std::string body = ask(socket.get(), request);
    const std::string_view totals = std::string_view{body}.substr(body.find("\"totals\""));
    return integer_member(totals, state) == static_cast<std::int64_t>(count);
  };
  if (!eventually(reached, std::chrono::minutes{5})) {
    throw std::runtime_error{"the queue does not come to hold that many tasks"};
  }
}

std::vector<figure> measure_throughput(const bench_options& options) {
  const std::size_t tasks = options.amount(50'000);
  std::vector<double> engine;
  std::vector<double> cores;
  std::vector<double> raw;
  std::vector<double> store;
  for (int i = 0; i < options.repetitions; ++i) {
    const auto measured = create_and_execute(options, tasks);
    engine.push_back(measured.per_second);
    cores.push_back(measured.server_cores);
    const temporary_folder directory{options.directory};
    raw.push_back(raw_ceiling(directory.path(), tasks, group));
    store.push_back(store_ceiling(directory.path(), tasks, group));
  }
  std::vector<double> ratios;
  for (std::size_t i = 0; i < engine.size(); ++i) {
    ratios.push_back(engine[i] / raw[i]);
  }
  return {
    {"create and execute, 50 clients", "tasks/s", engine, 10'000, goal::at_least, std::string{peers}},
    {"  of the raw ceiling", "", ratios, 0.25, goal::at_least},
    reference("  cores that the server used", "", cores),
    reference("  raw SQLite, FULL, groups of 50", "tasks/s", raw, "the ceiling"),
    reference("  the store alone, groups of 50", "tasks/s", store),
  };
}

std::vector<figure> measure_creation(const bench_options& options) {
  const std::size_t tasks = options.amount(50'000);
  const std::string request = post_request("/api/v1/tasks", R"({"input":"Hello"})");
  const auto samples = repeat(options.repetitions, [&] {
    fresh_server server{options};
    http_load load{server.port(), clients};
    return load.run(tasks, 201, [&](std::size_t) { return std::string_view{request}; }).per_second();
  });
  return {{"create only, 50 clients", "requests/s", samples, 15'000, goal::at_least,
           "BullMQ behind node 27,300, Restate 2,300"}};
}

std::vector<figure> measure_latency(const bench_options& options) {
  const std::size_t tasks = options.amount(2'000);
  std::vector<double> medians;
  std::vector<double> slowest;
  for (int i = 0; i < options.repetitions; ++i) {
    fresh_server server{options};
    auto milliseconds = time_starts(server.port(), tasks);
    medians.push_back(percentile(milliseconds, 0.5));
    slowest.push_back(percentile(milliseconds, 0.99));
  }
  return {{"POST to task:started, p50", "ms", medians, 2, goal::at_most, "at a subscriber; BullMQ 1.8"},
          {"POST to task:started, p99", "ms", slowest, 8, goal::at_most, "BullMQ 4.3"}};
}

std::vector<figure> measure_task_memory(const bench_options& options) {
  constexpr std::size_t tasks = 100'000;
  const std::string request = post_request("/api/v1/tasks", R"({"input":"@delay=3600000 wait","execute":true})");
  const auto samples = repeat(options.repetitions, [&] {
    fresh_server server{options, {"--capacity", "200000"}};
    const std::size_t before = server.process().resident_bytes();
    http_load load{server.port(), clients};
    load.run(tasks, 201, [&](std::size_t) { return std::string_view{request}; });
    wait_for_queue(server.port(), "running", tasks);
    return static_cast<double>(server.process().resident_bytes() - before) / static_cast<double>(tasks);
  });
  return {
    {"memory of a task in flight, of " + pretty(static_cast<double>(tasks)), "bytes", samples, 4096, goal::at_most}};
}

} // namespace troupe
