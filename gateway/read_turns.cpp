#include "gateway/read_turns.hpp"

#include <utility>

namespace troupe {

namespace {

/// While more than this is on its way to clients nothing more is read for them.
constexpr std::size_t most_on_the_way = std::size_t{8} * 1024 * 1024;

} // namespace

bool read_turns::may_begin(const line& one) const noexcept {
  return one.open < one.limit && on_the_way_ <= most_on_the_way;
}

bool read_turns::try_begin(kind what) {
  auto& one = of(what);
  if (!one.waiting.empty() || !may_begin(one))
    return false;
  ++one.open;
  return true;
}

void read_turns::wait(kind what, std::uint64_t number, question f) {
  of(what).waiting.push_back({number, std::move(f)});
}

void read_turns::end(kind what, std::uint64_t number) {
  auto& one = of(what);
  // Numbers rise, so what stands before the first that waits was asked.
  if (one.waiting.empty() || number < one.waiting.front().number)
    --one.open;
}

std::optional<read_turns::question> read_turns::next() {
  for (auto& one : lines_) {
    if (one.waiting.empty() || !may_begin(one))
      continue;
    auto f = std::move(one.waiting.front().ask);
    one.waiting.pop_front();
    ++one.open;
    return f;
  }
  return std::nullopt;
}

} // namespace troupe
