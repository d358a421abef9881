#include "gateway/live/event_stream.hpp"

#include "gateway/live/lane.hpp"
#include "gateway/requests/event_stream_head.hpp"

#include <boost/asio/steady_timer.hpp>

namespace troupe {

namespace {

/// A comment now and then keeps proxies from closing a quiet stream, and finds out
/// that a client is gone.
constexpr std::chrono::seconds between_comments{15};

/// Stored events are read on while less than this is queued.
constexpr std::size_t replay_queue_bytes = 256 * 1024;

} // namespace

event_stream::~event_stream() {
  if (feed_ && !finished_)
    home_->close(feed_);
}

void event_stream::start() {
  door_->on_disconnect([self = shared_from_this()] { self->finish(); });
  door_->start_stream(event_stream_head());
  feed::hooks hooks;
  hooks.deliver = [this](const live_event& event) { deliver(event); };
  hooks.read = [this](std::int64_t position, page_size most) { home_->read(feed_, position, most, nullptr); };
  hooks.opened = [](const room&) {};
  hooks.missed = [](std::int64_t, std::int64_t) {};
  hooks.failed = [self = weak_from_this()](const store_error&) {
    // The client comes back with its Last-Event-ID.
    if (const auto alive = self.lock())
      alive->finish();
  };
  hooks.congested = [this] {
    if (congested())
      wait_for_drain();
    return congested();
  };
  feed_ = std::make_shared<feed>(room{room::kind::task, task_id_, {}}, after_seq{seq_}, std::move(hooks));
  home_->open(feed_, nullptr);
  comment();
}

void event_stream::deliver(const live_event& event) {
  // The room is the thread's; this journal is one task's.
  if (finished_ || event.source->task_id != task_id_ || event.seq <= seq_)
    return;
  seq_ = event.seq;
  auto part = "id: " + std::to_string(event.seq) + "\nevent: ";
  part += to_string(event.type);
  part += "\ndata: ";
  part += *event.text;
  part += "\n\n";
  door_->write(home_->share(std::move(part)));
  if (is_terminal(event.type))
    finish();
}

bool event_stream::congested() const {
  return !finished_ && door_->queued_bytes() > replay_queue_bytes;
}

void event_stream::wait_for_drain() {
  if (std::exchange(waiting_for_drain_, true))
    return;
  door_->tell_when_drained([self = weak_from_this()] {
    const auto alive = self.lock();
    if (!alive || alive->finished_)
      return;
    alive->waiting_for_drain_ = false;
    alive->feed_->on_drained();
    // What was read on may have filled the queue again, which has asked to be told once more.
  });
}

void event_stream::comment() {
  auto timer = std::make_shared<boost::asio::steady_timer>(home_->io(), between_comments);
  timer->async_wait([self = weak_from_this(), timer](const boost::system::error_code& error) {
    const auto alive = self.lock();
    if (error || !alive || alive->finished_)
      return;
    alive->door_->write(std::make_shared<const std::string>(": waiting\n\n"));
    alive->comment();
  });
}

void event_stream::finish() {
  if (std::exchange(finished_, true))
    return;
  // The hooks point here, and this may be running inside one of them.
  const auto self = shared_from_this();
  home_->close(feed_);
  std::exchange(door_, nullptr)->finish();
}

} // namespace troupe
