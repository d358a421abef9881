#include "gateway/http/request_patience.hpp"

namespace troupe {

void request_patience::wait_for_more(const server_core& core, const request_reader& reader) noexcept {
  if (reader.in_body()) {
    deadline_ = 0;
    if (!sending_.running())
      sending_.start(core.now(), reader.received());
  } else if (!header_deadline_set_) {
    header_deadline_set_ = reader.started();
    deadline_ = core.deadline(header_deadline_set_ ? core.limits().header_timeout : core.limits().idle_timeout);
  }
}

void request_patience::request_is_there() noexcept {
  deadline_ = 0;
  sending_.stop();
  header_deadline_set_ = false;
}

bool request_patience::lasts(const server_core& core, const request_reader& reader) noexcept {
  if (reader.in_body())
    return !sending_.is_lost(core.now(), reader.received(), core.sending_rule(core.limits().body_bytes));
  return deadline_ == 0 || core.now() < deadline_;
}

std::uint32_t request_patience::unfinished_since(const server_core& core, const request_reader& reader) const noexcept {
  if (reader.in_body())
    return sending_.running() ? sending_.since() : 0;
  const auto time_for_it = core.deadline(core.limits().header_timeout) - core.now();
  return header_deadline_set_ && deadline_ > time_for_it ? deadline_ - time_for_it : 1;
}

} // namespace troupe
