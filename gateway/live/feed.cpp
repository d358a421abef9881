#include "gateway/live/feed.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

resume_point feed::from() const noexcept {
  return resolved_ ? resume_point{after_position{position_}} : from_;
}

bool feed::has_delivered(const live_event& event) const noexcept {
  if (!resolved_ || event.position <= start_ || event.position > position_)
    return false;
  switch (resolved_->type) {
  case room::kind::task: return event.source->thread_id == resolved_->id;
  case room::kind::user: return event.source->created_by == resolved_->name;
  case room::kind::ns: break;
  }
  return event.source->ns == resolved_->name;
}

void feed::begin(room resolved, std::int64_t position, std::int64_t was_ahead) {
  if (ended())
    return;
  waits_for_drain_ = false;
  if (!resolved_) {
    resolved_ = std::move(resolved);
    start_ = position_ = position;
    hooks_.opened(*resolved_);
  }
  if (was_ahead > position) {
    start_ = position_ = position;
    hooks_.missed(position + 1, was_ahead);
  }
  state_ = state::replaying;
  // Its room has just been joined.
  interrupted_ = false;
  read_on();
}

void feed::read_on() {
  reading_ = true;
  if (hooks_.congested()) {
    waits_for_drain_ = true;
    return;
  }
  hooks_.read(position_, next_page_);
}

void feed::on_drained() {
  if (state_ != state::replaying || !waits_for_drain_ || hooks_.congested())
    return;
  waits_for_drain_ = false;
  hooks_.read(position_, next_page_);
}

void feed::on_page(const room_events& page, const std::vector<live_event>& events) {
  if (state_ != state::replaying)
    return;
  reading_ = false;
  for (const auto& event : events) {
    // The position moves behind what was delivered: whoever goes on after a fault misses nothing.
    if (event.position > position_) {
      hooks_.deliver(event);
      position_ = event.position;
    }
    // Delivering may close the connection, and end the feed with it.
    if (ended())
      return;
  }
  position_ = std::max(position_, page.position);
  next_page_ = page.at_end ? short_page : long_page;
  if (!page.at_end || std::exchange(read_again_, false)) {
    if (!page.at_end)
      std::erase_if(held_, [this](const auto& event) { return event.position <= position_; });
    read_on();
    return;
  }
  if (interrupted_)
    return;
  state_ = state::live;
  for (const auto& event : std::exchange(held_, {})) {
    on_live(event);
    if (ended())
      return;
  }
}

void feed::on_live(const live_event& event) {
  switch (state_) {
  case state::starting:
  case state::ended: return;
  case state::replaying:
    if (held_.size() < max_held) {
      held_.push_back(event);
    } else {
      held_.clear();
      read_again_ = true;
    }
    return;
  case state::live: break;
  }
  if (event.position <= position_)
    return;
  hooks_.deliver(event);
  position_ = event.position;
}

void feed::on_failed(const store_error& reason) {
  if (!ended())
    hooks_.failed(reason);
}

void feed::interrupt() {
  if (state_ == state::live)
    state_ = state::replaying;
  interrupted_ = true;
}

void feed::resync() {
  interrupted_ = false;
  if (state_ != state::live && state_ != state::replaying)
    return;
  // A page that is on its way may be older than what was missed: another one has to follow it.
  if (state_ == state::replaying && reading_) {
    read_again_ = true;
    return;
  }
  state_ = state::replaying;
  read_on();
}

} // namespace troupe
