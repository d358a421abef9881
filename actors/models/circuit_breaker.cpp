#include "actors/models/circuit_breaker.hpp"

#include <algorithm>

namespace troupe {

circuit_breaker::state circuit_breaker::current(clock_time now) const noexcept {
  if (!open_until_)
    return state::closed;
  return now < *open_until_ ? state::open : state::half_open;
}

bool circuit_breaker::allow(clock_time now) noexcept {
  switch (current(now)) {
  case state::closed: return true;
  case state::open: return false;
  case state::half_open: break;
  }
  if (trial_)
    return false;
  trial_ = true;
  return true;
}

void circuit_breaker::succeeded() noexcept {
  // While it is open without a trial, this was a call from before: the trial decides.
  if (open_until_ && !trial_)
    return;
  *this = {};
}

void circuit_breaker::failed(clock_time now) noexcept {
  if (!open_until_) {
    if (++failures_ >= threshold)
      open_until_ = now + rest_;
    return;
  }
  if (!trial_)
    return;
  trial_ = false;
  rest_ = std::min(rest_ * 2, longest_rest);
  open_until_ = now + rest_;
}

void circuit_breaker::abandoned() noexcept {
  trial_ = false;
}

std::optional<circuit_breaker::clock_time> circuit_breaker::opens_at(clock_time now) const noexcept {
  return current(now) == state::open ? open_until_ : std::nullopt;
}

std::string_view to_string(circuit_breaker::state state) noexcept {
  switch (state) {
  case circuit_breaker::state::closed: return "closed";
  case circuit_breaker::state::open: return "open";
  case circuit_breaker::state::half_open: return "half_open";
  }
  return "closed";
}

} // namespace troupe
