#include "actors/models/rate_limiter.hpp"

#include <algorithm>

namespace troupe {

namespace {

using std::chrono::microseconds;

constexpr std::int64_t parts_per_amount = 60'000'000;
constexpr std::int64_t largest_limit = 1'000'000'000;
constexpr int largest_shares = 10'000;
constexpr int largest_slow_start = 64;

/// A provider that says a call took far more than it can have is not believed: its
/// model would be closed for good.
constexpr std::int64_t most_capacities_owed = 60;

int within_shares(int shares) {
  return std::clamp(shares, 1, largest_shares);
}

} // namespace

// -- buckets --------------------------------------------------------------------

rate_limiter::bucket::bucket(std::int64_t per_minute, std::int64_t least, int shares)
  : per_minute_{std::clamp(per_minute, std::int64_t{1}, largest_limit)}, shares_{shares},
    level_{std::max(per_minute_ * (parts_per_amount / 10), parts(least))} {}

std::int64_t rate_limiter::bucket::capacity() const {
  // Room for one at least: a small limit, shared by many, would let nothing through.
  return std::max(per_minute_, std::int64_t{shares_}) * parts_per_amount;
}

std::int64_t rate_limiter::bucket::parts(std::int64_t amount) const {
  const std::int64_t each = parts_per_amount * shares_;
  return std::clamp(amount, std::int64_t{0}, most_capacities_owed * (capacity() / each)) * each;
}

void rate_limiter::bucket::set_shares(int shares) {
  // What is there is divided anew along with the limit, since it counts for all nodes.
  shares_ = shares;
}

void rate_limiter::bucket::refill(clock_time now) {
  if (!since_)
    since_ = now;
  const auto passed = std::chrono::floor<microseconds>(now - *since_);
  if (passed <= microseconds{0})
    return;
  // What is left of a microsecond counts the next time.
  *since_ += passed;
  const auto missing = capacity() - level_;
  level_ = passed.count() > missing / per_minute_ ? capacity() : level_ + passed.count() * per_minute_;
}

bool rate_limiter::bucket::has(std::int64_t amount) const {
  return level_ >= std::min(parts(amount), capacity());
}

rate_limiter::clock_time rate_limiter::bucket::has_at(std::int64_t amount, clock_time now) const {
  auto then = *this;
  then.refill(now);
  const auto missing = std::min(parts(amount), capacity()) - then.level_;
  if (missing <= 0)
    return now;
  return *then.since_ + microseconds{(missing + per_minute_ - 1) / per_minute_};
}

void rate_limiter::bucket::take(std::int64_t amount) {
  level_ = std::max(level_ - parts(amount), -most_capacities_owed * capacity());
}

void rate_limiter::bucket::give_back(std::int64_t amount) {
  level_ = std::min(level_ + parts(amount), capacity());
}

std::int64_t rate_limiter::bucket::left(clock_time now) const {
  auto then = *this;
  then.refill(now);
  const auto each = parts_per_amount * shares_;
  const auto whole = then.level_ / each;
  return then.level_ % each < 0 ? whole - 1 : whole;
}

// -- admission --------------------------------------------------------------------

rate_limiter::rate_limiter(model_limits limits, int shares)
  : concurrency_{limits.concurrency}, shares_{within_shares(shares)} {
  if (limits.requests_per_minute)
    requests_.emplace(*limits.requests_per_minute, 1, shares_);
  if (limits.tokens_per_minute)
    tokens_.emplace(*limits.tokens_per_minute, 0, shares_);
}

void rate_limiter::set_shares(int shares) {
  shares_ = within_shares(shares);
  for (auto* one : {&requests_, &tokens_})
    if (*one)
      (*one)->set_shares(shares_);
}

std::optional<int> rate_limiter::most_active() const {
  std::optional<int> most;
  if (concurrency_)
    most = std::max(1, *concurrency_ / shares_);
  if (slow_start_ > 0)
    most = std::min(most.value_or(slow_start_), slow_start_);
  return most;
}

bool rate_limiter::take(std::int64_t tokens, clock_time now) {
  for (auto* one : {&requests_, &tokens_})
    if (*one)
      (*one)->refill(now);
  const auto most = most_active();
  if (paused_until(now) || (most && active_ >= *most))
    return false;
  if ((requests_ && !requests_->has(1)) || (tokens_ && !tokens_->has(tokens)))
    return false;
  if (requests_)
    requests_->take(1);
  if (tokens_)
    tokens_->take(tokens);
  ++active_;
  return true;
}

std::optional<rate_limiter::clock_time> rate_limiter::next_chance(std::int64_t tokens, clock_time now) const {
  const auto most = most_active();
  if (most && active_ >= *most)
    return std::nullopt;
  auto when = paused_until(now).value_or(now);
  if (requests_)
    when = std::max(when, requests_->has_at(1, now));
  if (tokens_)
    when = std::max(when, tokens_->has_at(tokens, now));
  return when;
}

void rate_limiter::settle(std::int64_t estimated, std::int64_t used, outcome how, clock_time now) {
  active_ = std::max(active_ - 1, 0);
  if (tokens_) {
    tokens_->refill(now);
    // In one step, for neither bound to be met on the way.
    const auto asked = std::max(estimated, std::int64_t{0});
    const auto taken = std::max(used, std::int64_t{0});
    if (taken > asked)
      tokens_->take(taken - asked);
    else
      tokens_->give_back(asked - taken);
  }
  switch (how) {
  case outcome::succeeded:
    // A call from before the pause tells nothing of what the provider takes after it.
    if (slow_start_ > 0 && !paused_until(now))
      slow_start_ = slow_start_ * 2 > largest_slow_start ? 0 : slow_start_ * 2;
    return;
  case outcome::throttled: slow_start_ = 1; return;
  case outcome::failed: return;
  }
}

// -- pauses -----------------------------------------------------------------------

void rate_limiter::pause(clock_time until) {
  if (paused_until_ && until <= *paused_until_)
    return;
  paused_until_ = until;
  slow_start_ = 1;
}

std::optional<rate_limiter::clock_time> rate_limiter::paused_until(clock_time now) const {
  return paused_until_ && now < *paused_until_ ? paused_until_ : std::nullopt;
}

std::optional<std::int64_t> rate_limiter::requests_left(clock_time now) const {
  return requests_ ? std::optional{requests_->left(now)} : std::nullopt;
}

std::optional<std::int64_t> rate_limiter::tokens_left(clock_time now) const {
  return tokens_ ? std::optional{tokens_->left(now)} : std::nullopt;
}

} // namespace troupe
