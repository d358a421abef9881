#pragma once

#include "gateway/http/output_queue.hpp"
#include "gateway/http/server_core.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace troupe {

/// What one HTTP connection has to write: answers that were formatted in this turn, one
/// behind the other in a text, so that they go in one system call, and before them what the
/// socket did not take earlier. The text's room is shared by all connections, so that an
/// idle one holds no memory for it.
class answer_output {
public:
  enum class status {
    /// All of it went at once.
    written,
    /// The last of what had waited is gone.
    drained,
    blocked,
    failed,
  };

  // -- the text of this turn --------------------------------------------------------

  void borrow_room(server_core& core);
  void return_room(server_core& core);
  [[nodiscard]] std::string& text() noexcept { return text_; }

  // -- what is to be written ----------------------------------------------------------

  /// The body of an answer whose head is in the text; a large one is sent from where it lies.
  void add_body(server_core& core, std::string body);
  /// A part of a stream.
  void add_part(std::shared_ptr<const std::string> part, bool chunked);
  void add_last_chunk() { queue_.push("0\r\n\r\n"); }
  /// Has the text wait, too, behind what waits already.
  void queue_text(server_core& core);

  /// Never blocks.
  [[nodiscard]] status write_to(int socket, server_core& core);

  /// Nothing waits for the socket; the text may hold something.
  [[nodiscard]] bool nothing_waits() const noexcept { return queue_.empty(); }
  [[nodiscard]] bool empty() const noexcept { return queue_.empty() && text_.empty(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return queue_.bytes() + text_.size(); }
  /// As `output_queue::cost`.
  [[nodiscard]] std::size_t cost() const noexcept { return queue_.cost(); }
  /// How many bytes the client has received.
  [[nodiscard]] std::uint64_t delivered(int socket) const noexcept { return delivered_bytes(socket, queue_); }

  void release_spare() { queue_.release_spare(); }
  /// Drops what waits.
  void drop() { queue_ = {}; }
  /// For whoever takes the socket over.
  [[nodiscard]] output_queue take_queue() noexcept { return std::move(queue_); }

private:
  /// Written before `text_`.
  output_queue queue_;
  std::string text_;
};

} // namespace troupe
