#include "tests/cluster/chaos_options.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>

namespace troupe {

namespace {

/// What the suite takes in its short form.
constexpr std::chrono::minutes short_suite{2};

std::uint64_t choose_seed() {
  const char* given = std::getenv("TROUPE_CHAOS_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "TROUPE_CHAOS_SEED=" << seed << " repeats the choices of this run" << std::endl;
  return seed;
}

} // namespace

std::uint64_t chaos_seed() {
  static const std::uint64_t seed = choose_seed();
  return seed;
}

std::optional<std::chrono::minutes> chaos_minutes() {
  const char* given = std::getenv("TROUPE_CHAOS_MINUTES");
  if (given == nullptr || *given == '\0') {
    return std::nullopt;
  }
  return std::chrono::minutes{std::max(1L, std::strtol(given, nullptr, 10))};
}

std::chrono::milliseconds load_time(std::chrono::milliseconds short_form) {
  const auto minutes = std::max(chaos_minutes().value_or(short_suite), short_suite);
  return short_form * (minutes / short_suite);
}

void let_pass(std::chrono::milliseconds length) {
  std::this_thread::sleep_for(length);
}

} // namespace troupe
