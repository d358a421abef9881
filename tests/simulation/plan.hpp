#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Everything that a simulated run is told to do, made of one number, and written as text, so that a failing run can
/// be told, kept, and made shorter.
namespace troupe {

/// What is done at one time. The numbers mean what the step's kind says (plan.cpp has the list).
struct plan_step {
  std::chrono::milliseconds at{0};
  std::string kind;
  std::vector<std::int64_t> numbers;

  bool operator==(const plan_step&) const = default;
};

struct plan {
  std::uint64_t seed = 0;
  int nodes = 3;
  std::chrono::milliseconds lease{5000};
  std::chrono::milliseconds length{0};
  std::vector<plan_step> steps;

  bool operator==(const plan&) const = default;
};

/// The plan of a seed.
plan make_plan(std::uint64_t seed, std::chrono::milliseconds length);

/// One line per step, the first one for the plan as a whole.
std::string to_text(const plan& p);
std::optional<plan> parse_plan(std::string_view text);

/// Of inputs, by number.
const std::vector<std::string>& simulated_inputs();

} // namespace troupe
