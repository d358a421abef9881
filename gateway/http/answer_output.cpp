#include "gateway/http/answer_output.hpp"

#include <array>
#include <charconv>
#include <string_view>
#include <sys/socket.h>

namespace troupe {

namespace {

/// A body from here on is sent from where it lies.
constexpr std::size_t large_body = 32 * 1024;

/// The size line of a chunk (RFC 9112, section 7.1).
std::string_view chunk_head(std::array<char, 14>& room, std::size_t size) {
  auto* end = std::to_chars(room.data(), room.data() + 12, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return {room.data(), static_cast<std::size_t>(end - room.data())};
}

} // namespace

void answer_output::borrow_room(server_core& core) {
  if (text_.empty() && text_.capacity() < core.spare_string().capacity())
    text_.swap(core.spare_string());
}

void answer_output::return_room(server_core& core) {
  if (text_.empty() && core.spare_string().capacity() < text_.capacity())
    text_.swap(core.spare_string());
}

void answer_output::add_body(server_core& core, std::string body) {
  if (body.size() < large_body) {
    text_ += body;
    return;
  }
  queue_text(core);
  queue_.push({}, core.share(std::move(body)));
  core.look_at_unread();
}

void answer_output::add_part(std::shared_ptr<const std::string> part, bool chunked) {
  if (!chunked)
    return queue_.push({}, std::move(part));
  std::array<char, 14> room;
  const auto size = part->size();
  queue_.push(chunk_head(room, size), std::move(part), true);
}

/// A copy: what collects answers keeps its room.
void answer_output::queue_text(server_core& core) {
  if (text_.empty())
    return;
  queue_.push({}, core.share(text_));
  text_.clear();
}

answer_output::status answer_output::write_to(int socket, server_core& core) {
  if (queue_.empty() && !text_.empty()) {
    // By far the most frequent case: all of it goes at once.
    const auto count = ::send(socket, text_.data(), text_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count == static_cast<ssize_t>(text_.size())) {
      queue_.note_taken(text_.size());
      text_.clear();
      return status::written;
    }
    if (count > 0) {
      text_.erase(0, static_cast<std::size_t>(count));
      queue_.note_taken(static_cast<std::size_t>(count));
    }
  }
  queue_text(core);
  switch (queue_.write_to(socket, core.scratch())) {
  case output_queue::status::drained: return status::drained;
  case output_queue::status::blocked: return status::blocked;
  case output_queue::status::failed: break;
  }
  return status::failed;
}

} // namespace troupe
