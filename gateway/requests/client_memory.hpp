#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

/// What clients make the process hold, summed over all connections of all I/O threads.
/// Each connection is bounded by itself, but there may be thousands of them: past a bound
/// in sum those go that have held on the longest (see `server_core`). Any thread may count.
namespace troupe {

class client_memory : public std::enable_shared_from_this<client_memory> {
public:
  /// In bytes: of requests and messages that are unfinished or unanswered, and of answers
  /// and frames that are rendered and not yet taken by a socket.
  explicit client_memory(std::size_t unfinished_limit = std::size_t{64} * 1024 * 1024,
                         std::size_t unread_limit = std::size_t{64} * 1024 * 1024)
    : unfinished_limit_{unfinished_limit}, unread_limit_{unread_limit} {}

  /// Bounds for a process that may have `available` bytes of memory in all, and that must
  /// be able to take a body of `largest_body`.
  static std::shared_ptr<client_memory> for_process(std::size_t available, std::size_t largest_body);

  /// What a connection holds has become more, or less.
  void change_unfinished(std::size_t from, std::size_t to) noexcept {
    unfinished_.fetch_add(to - from, std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t unfinished() const noexcept { return unfinished_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool too_much_unfinished() const noexcept { return unfinished() > unfinished_limit_; }

  /// `text`, to be shared by everybody who is to get it, and counted until the last of
  /// them has. Needs to be owned by a shared_ptr itself.
  std::shared_ptr<const std::string> share(std::string text);
  [[nodiscard]] std::size_t unread() const noexcept { return unread_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool too_much_unread() const noexcept { return unread() > unread_limit_; }

private:
  struct counted_text;

  const std::size_t unfinished_limit_;
  const std::size_t unread_limit_;
  std::atomic<std::size_t> unfinished_ = 0;
  std::atomic<std::size_t> unread_ = 0;
};

/// Bytes of memory that this process may have: of the machine, or less if it is limited.
std::size_t memory_of_process();

} // namespace troupe
