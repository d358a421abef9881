#pragma once

#include "gateway/forms/parse_frame.hpp"
#include "gateway/live/feed.hpp"
#include "gateway/requests/transport.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

class lane;
using turn_ptr = std::shared_ptr<void>;

/// What a WebSocket door joins by itself, and what may be said through it.
struct socket_door {
  /// Joined at once.
  std::optional<room> first;
  resume_point from;
  /// Set for a chat: the task whose thread `chat:…` and `history:sync` are about.
  std::optional<uuid> chat_of;
};

/// A WebSocket client: the rooms it is subscribed to, and what it says. What it says next
/// is heard once what it has asked for is answered, and the answer read: so it costs the
/// others nothing. Owned by its connection; used on the I/O thread only.
class event_socket final : public websocket_listener, public std::enable_shared_from_this<event_socket> {
public:
  event_socket(std::shared_ptr<lane> home, socket_door door) : home_{std::move(home)}, door_{std::move(door)} {}

  void on_open(std::shared_ptr<websocket_connection> connection) override;
  void on_text(std::string text) override;
  void on_close() override;

private:
  void subscribe(const room& where, resume_point from);
  void unsubscribe(const room& where);
  void obey(client_frame& frame);
  void ask_thread(client_frame& frame);
  void deliver(const std::shared_ptr<feed>& by, const live_event& event);
  void send(std::string text);
  void wait_for_drain();
  void read_on();
  void on_page_over();
  [[nodiscard]] turn_ptr ask();
  [[nodiscard]] bool congested() const;

  std::shared_ptr<lane> home_;
  socket_door door_;
  std::shared_ptr<websocket_connection> connection_;
  std::vector<std::shared_ptr<feed>> feeds_;
  bool waiting_for_drain_ = false;
  /// Questions of frames that are not answered yet, and pages on their way.
  int open_questions_ = 0;
  int open_pages_ = 0;
  /// Who of the feeds may ask for a page next.
  std::size_t next_feed_ = 0;
  std::shared_ptr<std::atomic<bool>> gone_ = std::make_shared<std::atomic<bool>>(false);
};

} // namespace troupe
