#include "gateway/outbound/call_queue.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

bool call_queue::has_room(const lane& where) const noexcept {
  return running_ < bounds_.sum && where.running < bounds_.per_target;
}

void call_queue::start(std::uint64_t call, lane& where) {
  ++running_;
  ++where.running;
  calls_[call].running = true;
}

call_queue::verdict call_queue::enter(std::uint64_t call, const std::string& target) {
  auto& where = lanes_[target];
  // Nobody overtakes those who wait for the same target.
  if (where.waiting.empty() && has_room(where)) {
    calls_[call].target = target;
    start(call, where);
    return verdict::begins;
  }
  if (waiting_ >= bounds_.waiting || where.waiting.size() >= bounds_.waiting_per_target) {
    drop_if_unused(target);
    return verdict::full;
  }
  calls_[call].target = target;
  if (where.waiting.empty())
    turns_.push_back(target);
  where.waiting.push_back(call);
  ++waiting_;
  return verdict::waits;
}

void call_queue::leave(std::uint64_t call) {
  const auto left = calls_.extract(call);
  if (left.empty())
    return;
  const auto& [target, was_running] = left.mapped();
  auto& where = lanes_.at(target);
  if (was_running) {
    --running_;
    --where.running;
  } else if (const auto at = std::find(where.waiting.begin(), where.waiting.end(), call); at != where.waiting.end()) {
    where.waiting.erase(at);
    --waiting_;
    if (where.waiting.empty())
      turns_.erase(std::find(turns_.begin(), turns_.end(), target));
  }
  drop_if_unused(target);
}

std::optional<std::uint64_t> call_queue::next() {
  if (running_ >= bounds_.sum)
    return std::nullopt;
  // A target without room keeps its turn; of these there are few, as each has many calls under way.
  const auto found
    = std::find_if(turns_.begin(), turns_.end(), [this](const auto& target) { return has_room(lanes_.at(target)); });
  if (found == turns_.end())
    return std::nullopt;
  auto target = std::move(*found);
  turns_.erase(found);
  auto& where = lanes_.at(target);
  const auto call = where.waiting.front();
  where.waiting.pop_front();
  --waiting_;
  start(call, where);
  if (!where.waiting.empty())
    turns_.push_back(std::move(target));
  return call;
}

void call_queue::drop_if_unused(const std::string& target) {
  const auto found = lanes_.find(target);
  if (found != lanes_.end() && found->second.running == 0 && found->second.waiting.empty())
    lanes_.erase(found);
}

} // namespace troupe
