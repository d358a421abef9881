#include "tests/bench/benchmarks.hpp"
#include "tests/bench/operations.hpp"
#include "tests/bench/postgres_nodes.hpp"
#include "tests/bench/postgres_store.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

/// What the tasks of a node that died wait for when the next one starts: how long until the first of them can be
/// claimed again, and until all of them can.
namespace troupe {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t running = 100'000;
constexpr std::size_t group = 250;

struct recovery_times {
  void add(double first_ms, double all_ms) {
    first.push_back(first_ms);
    all.push_back(all_ms);
  }

  std::vector<double> first;
  std::vector<double> all;
};

/// Leaves tasks that run under a lease whose holder is gone.
void leave_running(const std::string& url, std::size_t tasks) {
  store_worker dead{url};
  for (std::size_t begun = 0; begun < tasks; begun += group) {
    dead.create(group);
    static_cast<void>(dead.claim(group));
  }
}

void recover_all(const std::string& url, std::size_t tasks, recovery_times& times) {
  const auto milliseconds = [](auto took) { return std::chrono::duration<double, std::milli>(took).count(); };
  const auto begin = clock::now();
  const auto opened = take(open_database(url));
  const auto writer = take(opened->open_writer());
  clock::duration first{};
  int recovered = 0;
  for (bool more = true; more;) {
    const auto result = apply_all(*writer, std::vector<operation>{recover_tasks{5, now(), {}}});
    const auto& found = std::get<recovered_tasks>(result.outcomes.at(0));
    recovered += found.requeued;
    more = found.more;
    if (first == clock::duration::zero())
      first = clock::now() - begin;
  }
  times.add(milliseconds(first), milliseconds(clock::now() - begin));
  if (static_cast<std::size_t>(recovered) != tasks)
    throw std::runtime_error{std::to_string(recovered) + " tasks were recovered"};
}

void add_figures(std::vector<figure>& figures, const std::string& where, recovery_times times) {
  constexpr double aim = 500;
  figures.push_back(
    {"the first of 100,000 lost tasks is ready again, " + where, "ms", std::move(times.first), aim, goal::at_most});
  figures.push_back(reference("all of them are, " + where, "ms", std::move(times.all)));
}

} // namespace

std::vector<figure> measure_recovery(const bench_options& options) {
  const auto tasks = options.amount(running);
  recovery_times files;
  recovery_times servers;
  for (int i = 0; i < options.repetitions; ++i) {
    const temporary_folder folder{options.directory};
    const auto file = "sqlite:" + (folder.path() / "troupe.db").string();
    leave_running(file, tasks);
    recover_all(file, tasks, files);
    postgres_nodes nodes{options};
    const auto database = nodes.add_database("recovery");
    leave_running(database, tasks);
    recover_all(database, tasks, servers);
  }
  std::vector<figure> figures;
  add_figures(figures, "SQLite", std::move(files));
  add_figures(figures, "PostgreSQL", std::move(servers));
  return figures;
}

} // namespace troupe
