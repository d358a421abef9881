#include "gateway/questions/read_turns.hpp"

#include <utility>

namespace troupe {

namespace {

/// While more than this is on its way to clients nothing more is read for them.
constexpr std::size_t most_on_the_way = std::size_t{8} * 1024 * 1024;

std::size_t next_likely(std::size_t likely, std::size_t last) noexcept {
  return last > likely ? likely / 2 + last / 2 : likely - (likely - last) / 8;
}

} // namespace

bool read_turns::may_begin(const line& one) const noexcept {
  if (on_the_way_ > most_on_the_way)
    return false;
  const auto next = static_cast<std::size_t>(one.open) + 1;
  return one.open == 0 || (one.open < one.limit && next * one.likely_bytes <= one.bytes);
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

void read_turns::end(kind what, std::uint64_t number, std::size_t bytes) {
  auto& one = of(what);
  // Numbers rise, so what stands before the first that waits was asked.
  if (!one.waiting.empty() && number >= one.waiting.front().number)
    return;
  --one.open;
  if (bytes > 0)
    one.likely_bytes = next_likely(one.likely_bytes, bytes);
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
