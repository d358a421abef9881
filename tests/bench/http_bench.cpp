#include "tests/bench/benchmarks.hpp"
#include "tests/bench/http_load.hpp"
#include "tests/bench/static_server.hpp"

#include <chrono>

/// Reading over HTTP, and starting.
namespace troupe {

std::vector<figure> measure_reading(const bench_options& options) {
  constexpr std::size_t clients = 64;
  const std::size_t requests = options.amount(200'000);
  std::vector<double> reads;
  std::vector<double> statics;
  std::vector<double> ratios;
  for (int i = 0; i < options.repetitions; ++i) {
    fresh_server server{options};
    const auto socket = connect_loopback(server.port());
    const std::string task = ask(socket.get(), post_request("/api/v1/tasks", R"({"input":"Hello","execute":true})"));
    wait_for_queue(server.port(), "running", 0);
    const std::string request = get_request("/api/v1/tasks/" + string_member(task, "id"));
    const std::string body = ask(socket.get(), request);
    const auto rate = [&](std::uint16_t port) {
      http_load load{port, clients};
      return load.run(requests, 200, [&](std::size_t) { return std::string_view{request}; }).per_second();
    };
    const static_server beast{body};
    reads.push_back(rate(server.port()));
    statics.push_back(rate(beast.port()));
    ratios.push_back(reads.back() / statics.back());
  }
  return {
    reference("GET one task, 64 clients", "requests/s", reads, "nginx 208,000, node 82,000, FastAPI 18,800"),
    reference("  a static answer by Beast", "requests/s", statics, "the ceiling"),
    {"  of the static answer", "", ratios, 0.5, goal::at_least},
  };
}

std::vector<figure> measure_start(const bench_options& options) {
  std::vector<double> milliseconds;
  std::vector<double> megabytes;
  for (int i = 0; i < options.repetitions; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    fresh_server server{options};
    milliseconds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    megabytes.push_back(static_cast<double>(server.process().resident_bytes()) / 1e6);
  }
  return {{"start until ready, empty store", "ms", milliseconds, 100, goal::at_most},
          {"memory when idle", "MB", megabytes, 30, goal::at_most}};
}

} // namespace troupe
