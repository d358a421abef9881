#include "tests/address_space.hpp"
#include "tests/bench/benchmarks.hpp"
#include "tests/bench/honest_clients.hpp"
#include "tests/bench/hostile_clients.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iterator>
#include <optional>
#include <thread>
#include <utility>

/// Honest clients beside a hostile one. Each kind is measured once: there are many, and a hostile client is not a close
/// call.
namespace troupe {

namespace {

using seconds = std::chrono::seconds;

/// What takes longer is no answer.
constexpr seconds answer_limit{10};

std::size_t chosen(std::size_t wanted, std::size_t otherwise) {
  return wanted == 0 ? otherwise : wanted;
}

struct phase {
  double p99 = 0;
  double slowest = 0;
  honest_figures seen;
};

phase watch(honest_clients& honest, std::chrono::milliseconds time) {
  honest.take();
  std::this_thread::sleep_for(time);
  phase measured{.seen = honest.take()};
  if (measured.seen.milliseconds.empty()) {
    // Nobody was answered at all.
    measured.seen.milliseconds.push_back(static_cast<double>(time.count()));
  }
  measured.p99 = percentile(measured.seen.milliseconds, 0.99);
  measured.slowest = measured.seen.milliseconds.back();
  return measured;
}

struct comparison {
  double quiet = 0;
  double beside = 0;
  double slowest = 0;
  double grown = 0;
  double failed = 0;
  std::size_t taken = 0;
  std::size_t cut = 0;
};

comparison compare(const bench_options& options, const hostile_kind& kind, hostile_amounts amounts) {
  const auto& wanted = options.hostile;
  const seconds time{chosen(wanted.seconds, options.quick ? 2 : 6)};
  std::optional<small_address_space> machine{std::in_place, chosen(wanted.address_space, 1024) << 20U};
  fresh_server server{options};
  machine.reset();
  auto scene = kind.scene;
  scene.tasks = std::min(scene.tasks, std::max<std::size_t>(1, options.amount(scene.tasks)));
  const auto task = set_scene(server.port(), scene);
  honest_clients honest{server.port(), chosen(wanted.honest, 50), std::chrono::milliseconds{100}, answer_limit};
  watch(honest, std::chrono::seconds{1});
  const auto quiet = watch(honest, time);

  const auto before = server.process().resident_bytes();
  server.process().reset_peak();
  comparison result{.quiet = quiet.p99};
  {
    const hostile_client hostile{kind, server.port(), amounts, task};
    const auto beside = watch(honest, time);
    result.beside = beside.p99;
    result.slowest = beside.slowest;
    result.failed = static_cast<double>(beside.seen.failed);
    result.taken = hostile.taken();
    result.cut = hostile.cut();
    for (const auto& failure : beside.seen.failures) {
      std::fprintf(stderr, "  beside %s: %s\n", std::string{kind.name}.c_str(), failure.c_str());
    }
  }
  result.grown = static_cast<double>(server.process().peak_resident_bytes()) - static_cast<double>(before);
  // Nobody needs to wait for what it may still be busy with.
  server.process().signal(SIGKILL);
  return result;
}

hostile_amounts amounts_of(const hostile_kind& kind, const bench_options& options) {
  const auto& wanted = options.hostile;
  const auto of = [&](std::size_t own, std::size_t full) {
    return own != 0 ? own : options.quick ? std::max(std::min<std::size_t>(full, 8), full / 10) : full;
  };
  return {of(wanted.frames, kind.full.frames), of(wanted.connections, kind.full.connections),
          chosen(wanted.bytes, kind.full.bytes)};
}

/// A row each for what honest clients notice, for what they are refused, and for what it costs.
std::vector<figure> measure_kind(const bench_options& options, const hostile_kind& kind) {
  const auto one = compare(options, kind, amounts_of(kind, options));
  return {
    {std::string{kind.name} + ": honest p99, to that before",
     "",
     {one.beside / one.quiet},
     2,
     goal::at_most,
     pretty(one.quiet) + " → " + pretty(one.beside) + " ms, at worst " + pretty(one.slowest) + "; it "
       + std::string{kind.does}},
    {"  not answered with 2xx", "", {one.failed}, 0, goal::at_most},
    {"  memory grown, at its peak",
     "MB",
     {one.grown / 1e6},
     64,
     goal::at_most,
     pretty(static_cast<double>(one.taken)) + " sent, cut " + pretty(static_cast<double>(one.cut)) + " times"},
  };
}

} // namespace

std::vector<figure> measure_hostile_clients(const bench_options& options) {
  std::vector<figure> figures;
  std::vector<std::string> wanted = options.hostile.kinds;
  if (wanted.empty()) {
    for (const auto& kind : hostile_kinds()) {
      wanted.emplace_back(kind.name);
    }
  }
  for (const auto& name : wanted) {
    std::fprintf(stderr, "  %s …\n", name.c_str());
    auto measured = measure_kind(options, hostile_kind_named(name));
    std::move(measured.begin(), measured.end(), std::back_inserter(figures));
  }
  return figures;
}

} // namespace troupe
