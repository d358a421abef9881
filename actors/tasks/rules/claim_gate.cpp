#include "actors/tasks/rules/claim_gate.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

int claim_gate::open(int running) {
  if (state_ == state::waiting)
    state_ = state::open;
  return work_came(running);
}

void claim_gate::shut() {
  state_ = state::shut;
}

int claim_gate::work_came(int running) {
  backlog_ = state_ != state::open || is_claiming() || room(running) <= 0;
  if (backlog_)
    return 0;
  asked_ = std::min(room(running), max_claim);
  return asked_;
}

claim_orders claim_gate::claimed(int count, int running) {
  if (state_ == state::shut)
    return {.give_back = true};
  const auto limit = std::exchange(asked_, 0);
  arriving_ = count;
  const bool is_full = count == limit;
  const bool is_more = backlog_ || is_full || count >= busy_claim;
  return {.claim = is_more ? work_came(running) : 0, .pass_on = is_full && limit == max_claim};
}

void claim_gate::started() {
  --arriving_;
}

void claim_gate::refused() {
  asked_ = 0;
  backlog_ = true;
}

void claim_gate::given_back() {
  asked_ = 0;
}

int claim_gate::room_came(int running) {
  return backlog_ ? work_came(running) : 0;
}

bool claim_gate::has_room(int running) const noexcept {
  return state_ != state::shut && room(running) > 0;
}

} // namespace troupe
