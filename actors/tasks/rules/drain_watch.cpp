#include "actors/tasks/rules/drain_watch.hpp"

namespace troupe {

drain_step drain_watch::asked(bool is_empty) {
  if (state_ == state::idle || state_ == state::over)
    state_ = state::running_out;
  return looked(is_empty);
}

drain_step drain_watch::looked(bool is_empty) {
  if (state_ != state::running_out || !is_empty)
    return drain_step::nothing;
  state_ = state::leaving;
  return drain_step::leave;
}

drain_step drain_watch::expired() {
  if (state_ != state::running_out)
    return drain_step::nothing;
  state_ = state::handing_back;
  return drain_step::hand_back;
}

drain_step drain_watch::handed_back() {
  state_ = state::leaving;
  return drain_step::leave;
}

drain_step drain_watch::not_handed_back() {
  state_ = state::over;
  return drain_step::answer;
}

drain_step drain_watch::left() {
  state_ = state::over;
  return drain_step::answer;
}

} // namespace troupe
