#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// The bytes that wait for one socket, in whole frames, and the way to hand them
/// over with as few system calls as possible: what is small is gathered in a
/// scratch buffer, what is large is written from where it lies. A payload that
/// goes to many receivers is shared by their queues. Empty, it owns no memory.
class output_queue {
public:
  enum class status { drained, blocked, failed };

  /// Queues a copy of `bytes` as one frame.
  void push(std::string_view bytes);

  /// Queues `head` (at most 14 bytes), `body`, and a CRLF behind it if asked for,
  /// as one frame.
  void push(std::string_view head, std::shared_ptr<const std::string> body, bool crlf = false);

  /// Writes until all is gone or the socket takes no more. Never blocks.
  [[nodiscard]] status write_to(int socket, std::span<char> scratch);

  /// Counts bytes that the socket was given past the queue.
  void note_taken(std::size_t count) noexcept { taken_ += count; }

  /// Drops every frame of which the socket has taken no byte.
  void drop_unsent();

  [[nodiscard]] bool empty() const noexcept { return first_ == frames_.size(); }

  /// Bytes not yet taken by the socket.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  /// Bytes that the socket has taken so far.
  [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }

  /// What the queue costs: its bytes and what keeps account of them, so that many
  /// tiny frames are bounded as well.
  [[nodiscard]] std::size_t cost() const noexcept { return bytes_ + (frames_.size() - first_) * sizeof(frame); }

  /// Gives back the room that a burst has left behind.
  void release_spare();

private:
  struct frame {
    std::shared_ptr<const std::string> body;
    std::array<char, 14> head;
    std::uint8_t head_size;
    std::uint8_t tail_size;

    [[nodiscard]] std::size_t size() const noexcept { return head_size + (body ? body->size() : 0) + tail_size; }
  };

  void consume(std::size_t count);

  std::vector<frame> frames_;
  /// The first frame that is not wholly written, and how much of it is.
  std::size_t first_ = 0;
  std::size_t written_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t taken_ = 0;
};

/// Of the bytes that a socket has taken, those that the other side has not received yet
/// (tcp(7), SIOCOUTQ). A socket takes megabytes ahead and only then reports room again, so
/// this alone tells a slow reader from one that does not read.
[[nodiscard]] std::uint64_t undelivered_bytes(int socket) noexcept;

/// How many bytes the other side has received, of all that went through `queue`.
[[nodiscard]] inline std::uint64_t delivered_bytes(int socket, const output_queue& queue) noexcept {
  const auto waiting = undelivered_bytes(socket);
  return queue.taken() > waiting ? queue.taken() - waiting : 0;
}

/// Whether the other side has cut the connection. Looked at now and then while nothing is
/// read from it: what only this client would hear of need not be found out.
[[nodiscard]] bool was_reset(int socket) noexcept;

} // namespace troupe
