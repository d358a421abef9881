#include "tests/bench/benchmarks.hpp"
#include "tests/bench/sockets.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

/// `bench [--quick] [name…]`: measures the release binary on this machine and prints
/// one table. Nothing here is a test: figures depend on the machine, so compare those
/// of one run.
///
/// `hostile` has flags of its own: `--kind=<name>` (as often as there are kinds to measure), and numbers as in
/// `--frames=300000`: see hostile_options.
namespace {

using namespace troupe;

constexpr std::array<std::pair<std::string_view, measurement>, 21> measurements{{
  {"throughput", measure_throughput},
  {"create", measure_creation},
  {"latency", measure_latency},
  {"task-memory", measure_task_memory},
  {"fan-out", measure_fan_out},
  {"connection-memory", measure_connection_memory},
  {"read", measure_reading},
  {"start", measure_start},
  {"recovery", measure_recovery},
  {"hostile", measure_hostile_clients},
  {"model-streams", measure_model_streams},
  {"model-first-token", measure_model_first_token},
  {"model-lag", measure_model_lag},
  {"model-reuse", measure_model_reuse},
  {"model-prepare", measure_model_preparation},
  {"pg-throughput", measure_postgres_throughput},
  {"pg-claims", measure_postgres_claims},
  {"pg-latency", measure_postgres_latency},
  {"pg-idle", measure_postgres_idleness},
  {"pg-nodes", measure_postgres_nodes},
  {"pg-stream", measure_postgres_streams},
}};

int usage() {
  std::printf("usage: bench [--quick] [name…]\nnames:");
  for (const auto& [name, unused] : measurements) {
    std::printf(" %s", std::string{name}.c_str());
  }
  std::printf("\nflags of hostile: --kind=<name> --frames=<n> --connections=<n> --bytes=<n> --honest=<n> --seconds=<n> "
              "--address-space=<megabytes>\n");
  return 2;
}

/// True if the argument is one of `hostile`'s flags, which is then obeyed.
bool take_hostile_flag(std::string_view argument, hostile_options& options) {
  const auto equals = argument.find('=');
  if (!argument.starts_with("--") || equals == std::string_view::npos) {
    return false;
  }
  const auto name = argument.substr(2, equals - 2);
  const auto value = argument.substr(equals + 1);
  if (name == "kind") {
    options.kinds.emplace_back(value);
    return true;
  }
  const std::array<std::pair<std::string_view, std::size_t*>, 6> numbers{{
    {"frames", &options.frames},
    {"connections", &options.connections},
    {"bytes", &options.bytes},
    {"honest", &options.honest},
    {"seconds", &options.seconds},
    {"address-space", &options.address_space},
  }};
  const auto found = std::find_if(numbers.begin(), numbers.end(), [&](const auto& n) { return n.first == name; });
  if (found == numbers.end()) {
    return false;
  }
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), *found->second);
  return error == std::errc{} && end == value.data() + value.size();
}

} // namespace

int main(int argc, char** argv) {
  std::vector<std::string_view> wanted;
  bench_options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--quick") {
      options.quick = true;
      options.repetitions = 1;
    } else if (std::any_of(measurements.begin(), measurements.end(),
                           [&](const auto& m) { return m.first == argument; })) {
      wanted.push_back(argument);
    } else if (!take_hostile_flag(argument, options.hostile)) {
      return usage();
    }
  }

  raise_descriptor_limit();
  options.directory = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  std::vector<figure> figures;
  for (const auto& [name, measure] : measurements) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), name) == wanted.end()) {
      continue;
    }
    std::fprintf(stderr, "measuring %s …\n", std::string{name}.c_str());
    try {
      auto measured = measure(options);
      std::move(measured.begin(), measured.end(), std::back_inserter(figures));
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s failed: %s\n", std::string{name}.c_str(), error.what());
      return 1;
    }
  }
  print_table(figures);
  return 0;
}
