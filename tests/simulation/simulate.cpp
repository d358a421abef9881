#include "tests/simulation/plan.hpp"
#include "tests/simulation/shrink.hpp"
#include "tests/simulation/trial.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <string>

/// `./dev simulate`: simulated runs of a cluster, one after the other. A run that fails is made shorter, and told as a
/// plan that a test can hold.
namespace troupe {

namespace {

struct request {
  std::uint64_t seeds = 1000;
  std::uint64_t seed = 1;
  int minutes = 5;
  std::string plan_file;
  bool log = false;
};

struct totals {
  std::size_t tasks = 0;
  std::size_t events = 0;
  std::size_t lost = 0;
  std::size_t failing = 0;
  std::chrono::duration<double> simulated{0};
};

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

void tell_failure(const plan& p, const trial_result& result) {
  say(fmt::format("seed {} fails; digest {:x}", p.seed, result.digest));
  for (const auto& one : result.flaws)
    say("  " + one);
  const auto shortest = shrink(p, [](const plan& q) { return !run_trial(q).flaws.empty(); });
  say("the shortest plan that fails:\n" + to_text(shortest));
  for (const auto& one : run_trial(shortest).flaws)
    say("  " + one);
}

/// Whether all is well.
bool run(const plan& p, totals& sums) {
  const auto result = run_trial(p);
  sums.tasks += result.tasks;
  sums.events += result.events;
  sums.lost += result.lost_attempts;
  sums.simulated += result.length;
  if (result.flaws.empty())
    return true;
  ++sums.failing;
  tell_failure(p, result);
  return false;
}

int run_all(const request& asked) {
  const auto began = std::chrono::steady_clock::now();
  totals sums;
  if (!asked.plan_file.empty()) {
    std::ifstream in{asked.plan_file};
    const auto p = parse_plan(std::string{std::istreambuf_iterator<char>{in}, {}});
    if (!p) {
      say("simulate: " + asked.plan_file + " holds no plan");
      return 2;
    }
    run(*p, sums);
  } else {
    for (auto seed = asked.seed; seed < asked.seed + asked.seeds; ++seed)
      run(make_plan(seed, std::chrono::minutes{asked.minutes}), sums);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  say(fmt::format("{} tasks, {} events, {} attempts lost with their nodes; {:.0f} simulated hours in {:.0f} s, {:.0f} "
                  "times real time; {} runs fail",
                  sums.tasks, sums.events, sums.lost, sums.simulated.count() / 3600, took.count(),
                  sums.simulated / took, sums.failing));
  return sums.failing == 0 ? 0 : 1;
}

} // namespace

} // namespace troupe

int main(int argc, char** argv) {
  troupe::request asked;
  CLI::App app{"Simulated runs of a whole cluster, with faults."};
  app.add_option("--seeds", asked.seeds, "how many")->check(CLI::Range(1, 1'000'000));
  app.add_option("--seed", asked.seed, "the first one");
  app.add_option("--minutes", asked.minutes, "of simulated time, each")->check(CLI::Range(1, 1440));
  app.add_option("--plan", asked.plan_file, "a file with a plan, in the place of seeds")->check(CLI::ExistingFile);
  app.add_flag("--log", asked.log, "show what the nodes log");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(asked.log ? spdlog::level::debug : spdlog::level::off);
  try {
    return troupe::run_all(asked);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "simulate: %s\n", e.what());
    return 2;
  }
}
