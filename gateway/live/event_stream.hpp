#pragma once

#include "gateway/live/feed.hpp"
#include "gateway/requests/transport.hpp"

#include <cstdint>
#include <memory>

namespace troupe {

class lane;

/// A task's journal as server-sent events (WHATWG HTML, section 9.2): `id` is the
/// sequence number, `event` the type, `data` the frame. It ends with the event that
/// ends the run. Used on the I/O thread only; it lives as long as its answer is open.
class event_stream : public std::enable_shared_from_this<event_stream> {
public:
  event_stream(std::shared_ptr<lane> home, std::shared_ptr<exchange> door, uuid task_id, std::int64_t after)
    : home_{std::move(home)}, door_{std::move(door)}, task_id_{task_id}, seq_{after} {}

  /// What points here ends with it.
  ~event_stream();

  event_stream(const event_stream&) = delete;
  event_stream& operator=(const event_stream&) = delete;

  void start();

private:
  void deliver(const live_event& event);
  void comment();
  void wait_for_drain();
  [[nodiscard]] bool congested() const;
  void finish();

  std::shared_ptr<lane> home_;
  std::shared_ptr<exchange> door_;
  uuid task_id_;
  /// The last entry that was sent.
  std::int64_t seq_ = 0;
  std::shared_ptr<feed> feed_;
  bool finished_ = false;
  bool waiting_for_drain_ = false;
};

} // namespace troupe
