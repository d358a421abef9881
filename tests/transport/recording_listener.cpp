#include "recording_listener.hpp"

#include <chrono>
#include <utility>

namespace troupe::testing {

void recording_listener::on_head(outbound_head head) {
  const std::lock_guard lock{mutex_};
  ++calls_;
  head_ = std::move(head);
  changed_.notify_all();
}

bool recording_listener::on_data(std::string_view part) {
  const std::lock_guard lock{mutex_};
  ++calls_;
  body_ += part;
  changed_.notify_all();
  return !is_progress_ || is_progress_(part);
}

void recording_listener::on_end() {
  const std::lock_guard lock{mutex_};
  ++calls_;
  ended_ = true;
  changed_.notify_all();
}

void recording_listener::on_failure(outbound_failure failure) {
  const std::lock_guard lock{mutex_};
  ++calls_;
  failure_ = std::move(failure);
  changed_.notify_all();
}

bool recording_listener::wait(const std::function<bool()>& condition) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, std::chrono::seconds{10}, condition);
}

bool recording_listener::wait_for_head() {
  return wait([this] { return head_.has_value(); });
}

bool recording_listener::wait_for_body(std::string_view body) {
  return wait([this, body] { return body_ == body; });
}

bool recording_listener::wait_for_end() {
  return wait([this] { return ended_ || failure_; });
}

std::optional<outbound_head> recording_listener::head() const {
  const std::lock_guard lock{mutex_};
  return head_;
}

unsigned recording_listener::status() const {
  const std::lock_guard lock{mutex_};
  return head_ ? head_->status : 0;
}

std::string recording_listener::body() const {
  const std::lock_guard lock{mutex_};
  return body_;
}

bool recording_listener::ended() const {
  const std::lock_guard lock{mutex_};
  return ended_;
}

std::optional<outbound_failure> recording_listener::failure() const {
  const std::lock_guard lock{mutex_};
  return failure_;
}

int recording_listener::calls() const {
  const std::lock_guard lock{mutex_};
  return calls_;
}

} // namespace troupe::testing
