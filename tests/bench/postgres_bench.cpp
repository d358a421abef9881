#include "tests/bench/benchmarks.hpp"
#include "tests/bench/http_load.hpp"
#include "tests/bench/postgres_ceiling.hpp"
#include "tests/bench/postgres_nodes.hpp"
#include "tests/bench/postgres_store.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <pqxx/connection>
#include <pqxx/nontransaction>
#include <pqxx/transaction>
#include <stdexcept>

/// One node on PostgreSQL, and its store: how many tasks, and how soon they are claimed
/// when there are many, or when somebody else holds an old transaction open.
namespace troupe {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t clients = 50;
constexpr std::size_t group = 50;

// -- throughput -------------------------------------------------------------------

struct throughput {
  double per_second = 0;
  double node_cores = 0;
};

throughput create_and_execute(server_process& node, std::size_t tasks) {
  http_load load{node.port(), clients};
  const std::string request = post_request("/api/v1/tasks", R"({"input":"Hello","execute":true})");
  const auto before = node.cpu_time();
  const auto begin = clock::now();
  load.run(tasks, 201, [&](std::size_t) { return std::string_view{request}; });
  wait_until_empty(node.port());
  const std::chrono::duration<double> took = clock::now() - begin;
  const std::chrono::duration<double> worked = node.cpu_time() - before;
  return {static_cast<double>(tasks) / took.count(), worked / took};
}

void expect_completed(const postgres_server& database, std::size_t tasks) {
  const std::string completed = database.value("SELECT count(*) FROM troupe.tasks WHERE status = 2");
  if (completed != std::to_string(tasks)) {
    throw std::runtime_error{"only " + completed + " tasks were completed"};
  }
}

// -- claims -----------------------------------------------------------------------

constexpr std::size_t waiting = 10'000;

/// Runs SQL for as long as it takes.
void run(const std::string& url, const std::string& sql) {
  pqxx::connection connection{url};
  pqxx::nontransaction{connection}.exec(sql);
}

/// Stores the tasks numbered `from` to `to` as ones that were completed long ago.
void load_completed(const std::string& url, std::size_t from, std::size_t to) {
  run(url, "INSERT INTO troupe.tasks(id, thread_id, created_at, updated_at, started_at, completed_at, last_seq, "
           "input_tokens, output_tokens, attempt, max_attempts, priority, status, queued, ns, created_by, name, bot, "
           "bot_ns, node, input, output, spec, metadata) "
           "SELECT id, id, at, at, at, at, 7, 1, 2, 1, 3, 0, 2, false, 'default', 'anonymous', 'Hello', 'default', "
           "'default', 'node', 'Hello', 'Echo: Hello', '', '' "
           "FROM (SELECT ('01800000' || lpad(to_hex(i), 24, '0'))::uuid AS id, 1600000000000000 + i AS at "
           "FROM generate_series("
             + std::to_string(from) + "::bigint, " + std::to_string(to) + ") AS i) made");
  // What follows is not to pay for the loading.
  run(url, "VACUUM ANALYZE troupe.tasks");
  run(url, "CHECKPOINT");
}

/// A transaction of somebody else, with an identifier and a snapshot, open as long as this lives: nothing that is
/// deleted meanwhile can be cleared away.
class old_transaction {
public:
  explicit old_transaction(const std::string& url) : connection_{url}, transaction_{connection_} {
    transaction_.exec("SELECT pg_current_xact_id(), count(*) FROM troupe.queue");
  }

private:
  pqxx::connection connection_;
  pqxx::transaction<pqxx::repeatable_read> transaction_;
};

double timed_claim(store_worker& worker, std::vector<fence>& claimed) {
  const auto begin = clock::now();
  claimed = worker.claim(1);
  return std::chrono::duration<double, std::milli>(clock::now() - begin).count();
}

/// Milliseconds of `count` claims, each of which makes room for a fresh task.
std::vector<double> time_claims(store_worker& worker, std::size_t count) {
  std::vector<double> milliseconds;
  std::vector<fence> claimed;
  for (std::size_t i = 0; i < count; ++i) {
    milliseconds.push_back(timed_claim(worker, claimed));
    worker.complete(claimed, claimed.size());
  }
  return milliseconds;
}

/// Milliseconds of claims while tasks pass through the queue as fast as one worker can
/// have them, for that long.
std::vector<double> time_claims_in_passing(store_worker& worker, std::chrono::seconds duration) {
  std::vector<double> milliseconds;
  std::vector<fence> claimed;
  for (const auto end = clock::now() + duration; clock::now() < end;) {
    milliseconds.push_back(timed_claim(worker, claimed));
    const auto others = worker.claim(group - 1);
    claimed.insert(claimed.end(), others.begin(), others.end());
    worker.complete(claimed, claimed.size());
  }
  return milliseconds;
}

struct claim_times {
  void add(std::vector<double> milliseconds) {
    medians.push_back(percentile(milliseconds, 0.5));
    slow.push_back(percentile(milliseconds, 0.99));
    slowest.push_back(milliseconds.back());
  }

  std::vector<double> medians;
  std::vector<double> slow;
  std::vector<double> slowest;
};

} // namespace

std::vector<figure> measure_postgres_throughput(const bench_options& options) {
  const std::size_t tasks = options.amount(50'000);
  std::vector<double> engine;
  std::vector<double> cores;
  std::vector<double> raw;
  std::vector<double> store;
  for (int i = 0; i < options.repetitions; ++i) {
    postgres_nodes nodes{options};
    const auto measured = create_and_execute(nodes.add(), tasks);
    engine.push_back(measured.per_second);
    cores.push_back(measured.node_cores);
    expect_completed(nodes.database(), tasks);
    nodes.end();
    raw.push_back(pgbench_ceiling(nodes.database(), "raw", nodes.add_database("raw"), tasks, group));
    store.push_back(postgres_store_ceiling(nodes.add_database("store"), tasks, group));
  }
  // What else goes on in the machine lowers a ceiling, and would raise what is reached of it.
  const double ceiling = *std::max_element(raw.begin(), raw.end());
  std::vector<double> ratios;
  for (const double rate : engine) {
    ratios.push_back(rate / ceiling);
  }
  return {
    {"PostgreSQL, create and execute, 50 clients", "tasks/s", engine, 6'000, goal::at_least,
     "pg-boss 1,760, DBOS 1,000, graphile-worker 880"},
    {"  of the highest ceiling", "", ratios, 0.25, goal::at_least},
    reference("  cores that the node used", "", cores),
    reference("  pgbench, groups of 50", "tasks/s", raw, "the ceiling"),
    reference("  the store alone, groups of 50", "tasks/s", store),
  };
}

std::vector<figure> measure_postgres_claims(const bench_options& options) {
  const std::array<std::size_t, 3> sizes{options.amount(1'000), options.amount(100'000), options.amount(1'000'000)};
  const std::size_t claims = options.amount(5'000);
  std::array<claim_times, sizes.size()> by_size;
  claim_times beside;
  std::vector<double> growth;
  for (int i = 0; i < options.repetitions; ++i) {
    postgres_nodes place{options};
    const std::string url = place.database().url();
    store_worker worker{url};
    for (std::size_t n = 0; n < waiting; n += 500) {
      worker.create(500);
    }
    // The first ones prepare statements.
    time_claims(worker, group);
    std::size_t stored = 0;
    for (std::size_t n = 0; n < sizes.size(); ++n) {
      load_completed(url, stored + 1, sizes[n]);
      stored = sizes[n];
      by_size[n].add(time_claims(worker, claims));
    }
    growth.push_back(by_size.back().slow.back() / by_size.front().slow.back());
    // Once is enough: it takes long.
    if (i == 0) {
      const old_transaction open{url};
      beside.add(time_claims_in_passing(worker, std::chrono::seconds{options.quick ? 30 : 300}));
    }
  }
  std::vector<figure> figures;
  for (std::size_t n = 0; n < sizes.size(); ++n) {
    const std::string name = "claim, " + pretty(static_cast<double>(sizes[n])) + " tasks stored";
    figures.push_back(reference(name + ", p50", "ms", by_size[n].medians));
    figures.push_back(reference(name + ", p99", "ms", by_size[n].slow));
  }
  figures.push_back({"  p99, most by fewest", "times", growth, 2, goal::at_most});
  figures.push_back(reference("claim beside an old transaction, p50", "ms", beside.medians));
  figures.push_back({"claim beside an old transaction, p99", "ms", beside.slow, 50, goal::at_most});
  figures.push_back(reference("  the slowest", "ms", beside.slowest));
  return figures;
}

} // namespace troupe
