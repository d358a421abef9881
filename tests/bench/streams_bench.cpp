#include "tests/bench/benchmarks.hpp"
#include "tests/bench/subscribers.hpp"

#include <chrono>

/// WebSockets: deliveries, and what an idle connection costs.
namespace troupe {

namespace {

/// The journal of a task that only says hello: created, queued, started, chat:start, chunk, done, completed.
constexpr std::size_t events_per_task = 7;

} // namespace

std::vector<figure> measure_fan_out(const bench_options& options) {
  constexpr std::size_t count = 500;
  const std::size_t tasks = options.amount(300);
  // All requests in a row on one connection, so that the generator costs next to nothing.
  std::string burst;
  for (std::size_t i = 0; i < tasks; ++i) {
    burst += post_request("/api/v1/tasks", R"({"input":"Hello","name":"x","execute":true})");
  }
  std::vector<double> deliveries;
  std::vector<double> sizes;
  for (int i = 0; i < options.repetitions; ++i) {
    fresh_server server{options};
    subscribers room{server.port(), count, "namespace:default"};
    const auto socket = connect_loopback(server.port());
    const auto begin = std::chrono::steady_clock::now();
    send_all(socket.get(), burst);
    const auto received = room.receive(tasks * events_per_task);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    deliveries.push_back(static_cast<double>(received.frames) / took.count());
    sizes.push_back(static_cast<double>(received.bytes) / static_cast<double>(received.frames));
  }
  return {{"WebSocket burst, 500 subscribers", "deliveries/s", deliveries, 250'000, goal::at_least,
           "ws on Node 201,000, plain sockets 341,000"},
          reference("  mean frame", "bytes", sizes)};
}

std::vector<figure> measure_connection_memory(const bench_options& options) {
  constexpr std::size_t count = 5'000;
  const auto samples = repeat(options.repetitions, [&] {
    fresh_server server{options};
    const std::size_t before = server.process().resident_bytes();
    const subscribers idle{server.port(), count, "user:nobody"};
    return static_cast<double>(server.process().resident_bytes() - before) / static_cast<double>(count);
  });
  return {{"memory of an idle WebSocket, of " + pretty(static_cast<double>(count)), "bytes", samples, 10'240,
           goal::at_most, "ws on Node 13,500"}};
}

} // namespace troupe
