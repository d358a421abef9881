#include "gateway/live/event_socket.hpp"

#include "gateway/live/lane.hpp"
#include "gateway/rendering/frames.hpp"
#include "gateway/requests/problem.hpp"
#include "persistence/values/overloaded.hpp"

#include <algorithm>

namespace troupe {

namespace {

/// Stored events are read on while less than this is queued; live ones may add to it
/// up to the server's limit.
constexpr std::size_t socket_replay_bytes = 256 * 1024;

/// Rooms that one connection may be in.
constexpr std::size_t max_rooms = 100;

/// Pages of stored events that one connection may have on their way at once.
constexpr int max_open_pages = 2;

} // namespace

void event_socket::on_open(std::shared_ptr<websocket_connection> connection) {
  connection_ = std::move(connection);
  if (door_.first)
    subscribe(*door_.first, door_.from);
}

void event_socket::on_text(std::string text) {
  auto frame = parse_frame(text);
  if (auto* wrong = std::get_if<frame_error>(&frame))
    send(error_frame(wrong->code, wrong->detail));
  else
    obey(std::get<client_frame>(frame));
  if (connection_ && (open_questions_ > 0 || congested())) {
    connection_->hold();
    if (congested())
      wait_for_drain();
  }
}

/// Listens to the client again, if nothing it has asked for is left over.
void event_socket::read_on() {
  if (connection_ && open_questions_ == 0 && !congested())
    connection_->release();
}

turn_ptr event_socket::ask() {
  ++open_questions_;
  return home_->turn([self = weak_from_this()] {
    if (const auto alive = self.lock()) {
      --alive->open_questions_;
      alive->read_on();
    }
  });
}

void event_socket::on_close() {
  gone_->store(true, std::memory_order_relaxed);
  for (const auto& one : std::exchange(feeds_, {}))
    home_->close(one);
  connection_ = nullptr;
}

void event_socket::obey(client_frame& frame) {
  std::visit(overloaded{
               [this](const ping_frame&) { send(pong_frame()); },
               [this](const subscribe_frame& asked) { subscribe(asked.target, asked.after); },
               [this](const unsubscribe_frame& asked) {
                 unsubscribe(asked.target);
                 send(subscription_frame(false, asked.target));
               },
               [this, &frame](const auto&) { ask_thread(frame); },
             },
             frame);
}

void event_socket::ask_thread(client_frame& frame) {
  if (!door_.chat_of) {
    send(error_frame("not_in_chat", "This frame is about a thread; connect to /api/v1/tasks/{id}/chat to send it."));
    return;
  }
  home_->chat({*door_.chat_of, std::move(frame),
               [self = weak_from_this(), home = home_](std::string answer) {
                 home->post([self, answer = std::move(answer)](lane&) mutable {
                   if (const auto alive = self.lock())
                     alive->send(std::move(answer));
                 });
               },
               ask(), gone_});
}

void event_socket::subscribe(const room& where, resume_point from) {
  unsubscribe(where);
  if (feeds_.size() >= max_rooms) {
    send(error_frame("too_many_rooms", "A connection may be in 100 rooms at most; leave one first."));
    return;
  }
  // A task's journal has a beginning, so that is where one starts who says nothing else.
  if (where.type == room::kind::task && std::holds_alternative<std::monostate>(from))
    from = after_seq{0};
  feed::hooks hooks;
  const auto self = weak_from_this();
  const auto fresh = std::make_shared<std::weak_ptr<feed>>();
  hooks.deliver = [this, fresh](const live_event& event) { deliver(fresh->lock(), event); };
  hooks.read = [this, fresh](std::int64_t position, page_size most) {
    const auto one = fresh->lock();
    if (!one)
      return;
    ++open_pages_;
    home_->read(one, position, most, home_->turn([self = weak_from_this()] {
      if (const auto alive = self.lock())
        alive->on_page_over();
    }));
  };
  hooks.opened = [this, where](const room&) { send(subscription_frame(true, where)); };
  hooks.missed = [this, where](std::int64_t first, std::int64_t last) { send(gap_frame(where, first, last)); };
  hooks.failed = [this, fresh, where](const store_error& reason) {
    const auto code = reason.code == errc::not_found ? "room_not_found" : to_string(from_store_error(reason).code);
    send(error_frame(code, "The room " + to_string(where) + " cannot be joined: " + reason.message));
    if (const auto one = fresh->lock()) {
      std::erase(feeds_, one);
      home_->close(one);
    }
  };
  hooks.congested = [this] {
    if (congested())
      wait_for_drain();
    return congested() || open_pages_ >= max_open_pages;
  };
  const auto one = std::make_shared<feed>(where, from, std::move(hooks));
  *fresh = one;
  feeds_.push_back(one);
  home_->open(one, ask());
}

void event_socket::unsubscribe(const room& where) {
  const auto found = std::find_if(feeds_.begin(), feeds_.end(), [&](const auto& one) { return one->where() == where; });
  if (found == feeds_.end())
    return;
  const auto one = *found;
  feeds_.erase(found);
  home_->close(one);
}

void event_socket::deliver(const std::shared_ptr<feed>& by, const live_event& event) {
  // Rooms overlap, and each of them is at a place of its own; the first feed to come to an event sends it.
  for (const auto& other : feeds_)
    if (other != by && other->has_delivered(event))
      return;
  if (connection_)
    connection_->send(event.text);
}

void event_socket::send(std::string text) {
  if (connection_)
    connection_->send(home_->share(std::move(text)));
}

bool event_socket::congested() const {
  return connection_ && connection_->queued_bytes() > socket_replay_bytes;
}

void event_socket::wait_for_drain() {
  if (std::exchange(waiting_for_drain_, true))
    return;
  connection_->tell_when_drained([self = weak_from_this()] {
    const auto alive = self.lock();
    if (!alive || !alive->connection_)
      return;
    alive->waiting_for_drain_ = false;
    for (const auto& one : std::vector{alive->feeds_})
      one->on_drained();
    // What was read on may have filled the queue again, which has asked to be told once more.
    alive->read_on();
  });
}

/// Feeds take turns: none of them waits for the whole past of another.
void event_socket::on_page_over() {
  --open_pages_;
  const auto all = feeds_;
  for (std::size_t i = 0; i < all.size() && open_pages_ < max_open_pages; ++i)
    all[next_feed_++ % all.size()]->on_drained();
}

} // namespace troupe
