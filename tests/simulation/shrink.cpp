#include "tests/simulation/shrink.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace troupe {

namespace {

/// Without `count` steps from `first` on.
plan without(const plan& p, std::size_t first, std::size_t count) {
  auto shorter = p;
  const auto begin = shorter.steps.begin() + static_cast<std::ptrdiff_t>(first);
  shorter.steps.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(count, shorter.steps.size() - first)));
  return shorter;
}

} // namespace

plan shrink(plan failing, const std::function<bool(const plan&)>& fails, int tries) {
  const auto take_if_it_fails = [&](plan candidate) {
    if (tries-- <= 0 || candidate == failing || !fails(candidate))
      return false;
    failing = std::move(candidate);
    return true;
  };
  // Large parts first, then smaller ones, then single steps, until none can go.
  for (auto size = std::max<std::size_t>(failing.steps.size() / 2, 1); tries > 0;) {
    bool shorter = false;
    for (std::size_t first = 0; first < failing.steps.size() && tries > 0;)
      if (take_if_it_fails(without(failing, first, size)))
        shorter = true;
      else
        first += size;
    if (size > 1)
      size /= 2;
    else if (!shorter)
      break;
  }
  if (!failing.steps.empty()) {
    auto candidate = failing;
    candidate.length = failing.steps.back().at + std::chrono::seconds{1};
    take_if_it_fails(std::move(candidate));
  }
  while (failing.nodes > 1) {
    auto candidate = failing;
    --candidate.nodes;
    if (!take_if_it_fails(std::move(candidate)))
      break;
  }
  return failing;
}

} // namespace troupe
