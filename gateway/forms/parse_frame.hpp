#pragma once

#include "gateway/requests/problem.hpp"
#include "persistence/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// What a WebSocket client may say (design, section 8), one struct per frame type.
namespace troupe {

// -- where to go on -------------------------------------------------------------

/// Behind this entry of the task's journal; task rooms only.
struct after_seq {
  std::int64_t seq = 0;

  bool operator==(const after_seq&) const = default;
};

/// Behind this position over all tasks; from a frame's `cursor`.
struct after_position {
  std::int64_t position = 0;

  bool operator==(const after_position&) const = default;
};

/// Nothing (`monostate`): live events only.
using resume_point = std::variant<std::monostate, after_seq, after_position>;

/// Reads the query parameter `after` of the WebSocket doors: digits are a `seq`,
/// if `in_task_room`; anything else is a cursor.
parsed<resume_point> parse_resume_point(std::string_view text, bool in_task_room);

/// Reads `task:{id}`, `user:{name}` or `namespace:{name}`; nothing for anything else.
std::optional<room> parse_room(std::string_view text);

/// The room as a client writes it.
std::string to_string(const room& r);

// -- frames ---------------------------------------------------------------------

/// A new turn of the socket's thread.
struct chat_send_frame {
  std::string message;
  /// A JSON object as text; empty for none.
  std::string metadata;
};

/// Cancels the running turn.
struct chat_cancel_frame {};

/// `subscribe`, and `task:join` with the task's room.
struct subscribe_frame {
  room target;
  resume_point after;
};

/// `unsubscribe`, and `task:leave` with the task's room.
struct unsubscribe_frame {
  room target;
};

/// Asks for messages of the thread behind `after`, the number in a message
/// cursor; 0 for the start.
struct history_sync_frame {
  std::int64_t after = 0;
  int limit = 50;
};

struct ping_frame {};

using client_frame = std::variant<chat_send_frame, chat_cancel_frame, subscribe_frame, unsubscribe_frame,
                                  history_sync_frame, ping_frame>;

/// What is said about a frame that cannot be used; the connection lives on.
struct frame_error {
  /// `invalid_json`, `invalid_frame`, `unknown_type`, `unknown_field`, `invalid_cursor`, `invalid_room`.
  std::string_view code;
  /// A sentence.
  std::string detail;
};

/// Reads one text message.
std::variant<frame_error, client_frame> parse_frame(std::string_view text);

} // namespace troupe
