#pragma once

#include "tests/bench/report.hpp"
#include "tests/e2e/server_process.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// The measurements. Each starts servers of its own, on fresh data.
namespace troupe {

/// What `hostile` does otherwise than by itself; 0 is what it does by itself.
struct hostile_options {
  /// The kinds of hostile clients, by name; all if empty.
  std::vector<std::string> kinds;
  std::size_t frames = 0;
  std::size_t connections = 0;
  std::size_t bytes = 0;
  /// Honest clients.
  std::size_t honest = 0;
  /// How long each of the two phases takes, without and with the hostile client.
  std::size_t seconds = 0;
  /// Megabytes of address space that the server may use.
  std::size_t address_space = 0;
};

struct bench_options {
  /// A directory on the disk that the build is on, not in memory.
  std::filesystem::path directory;
  int repetitions = 3;
  /// A tenth of the work, to see that everything runs; memory is measured in full, or
  /// what is paid once would weigh too much.
  bool quick = false;
  hostile_options hostile;

  /// `full`, or a tenth of it.
  [[nodiscard]] std::size_t amount(std::size_t full) const { return quick ? full / 10 : full; }
};

/// A server on data that go with it.
class fresh_server {
public:
  explicit fresh_server(const bench_options& options, const std::vector<std::string>& flags = {})
    : data_{options.directory}, process_{data_.path(), flags} {}

  [[nodiscard]] std::uint16_t port() const noexcept { return process_.port(); }
  [[nodiscard]] server_process& process() noexcept { return process_; }

private:
  temporary_folder data_;
  server_process process_;
};

/// Waits until the queue's total of `state` is `count`, asking on a connection of its own.
void wait_for_queue(std::uint16_t port, std::string_view state, std::size_t count);

using measurement = std::vector<figure> (*)(const bench_options& options);

/// Tasks created with `execute` until the last is COMPLETED, and the ceilings.
std::vector<figure> measure_throughput(const bench_options& options);
/// Tasks created without `execute`.
std::vector<figure> measure_creation(const bench_options& options);
/// From the first byte of the POST to `task:started`.
std::vector<figure> measure_latency(const bench_options& options);
/// Resident memory of tasks in flight.
std::vector<figure> measure_task_memory(const bench_options& options);
/// Events to many subscribers of one room.
std::vector<figure> measure_fan_out(const bench_options& options);
/// Resident memory of idle WebSockets.
std::vector<figure> measure_connection_memory(const bench_options& options);
/// `GET /api/v1/tasks/{id}` beside a static answer.
std::vector<figure> measure_reading(const bench_options& options);
/// Time until ready, and memory when idle.
std::vector<figure> measure_start(const bench_options& options);

/// What the tasks of a node that died wait for when the next one starts, on both databases.
std::vector<figure> measure_recovery(const bench_options& options);

/// What honest clients notice of a hostile one, and what it costs in memory, for each kind.
std::vector<figure> measure_hostile_clients(const bench_options& options);

// -- models that are far away, at a provider in this process ------------------------

/// Many answers that stream at once: what is sent, stored and seen, and at what cost.
std::vector<figure> measure_model_streams(const bench_options& options);
/// From the POST to the first text, beside asking the provider itself.
std::vector<figure> measure_model_first_token(const bench_options& options);
/// How much later a subscriber sees what the provider has sent.
std::vector<figure> measure_model_lag(const bench_options& options);
/// What it takes to make a request of a long thread.
std::vector<figure> measure_model_preparation(const bench_options& options);
/// Connections to the provider.
std::vector<figure> measure_model_reuse(const bench_options& options);

// -- on PostgreSQL ----------------------------------------------------------------

/// As `measure_throughput`, with one node on PostgreSQL, and what pgbench does there.
std::vector<figure> measure_postgres_throughput(const bench_options& options);
/// Claims beside many stored tasks, and beside a transaction that is kept open.
std::vector<figure> measure_postgres_claims(const bench_options& options);
/// As `measure_latency`, on one node and across two.
std::vector<figure> measure_postgres_latency(const bench_options& options);
/// Statements that idle nodes send.
std::vector<figure> measure_postgres_idleness(const bench_options& options);
/// Tasks in flight, and how many end, on one, two and three nodes.
std::vector<figure> measure_postgres_nodes(const bench_options& options);
/// How much later a stream is seen at another node.
std::vector<figure> measure_postgres_streams(const bench_options& options);

} // namespace troupe
