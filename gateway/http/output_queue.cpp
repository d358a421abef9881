#include "gateway/http/output_queue.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <utility>

namespace troupe {

namespace {

/// A body from here on is written from where it lies; below, copying it costs less
/// than another entry for the kernel to walk.
constexpr std::size_t gather_limit = 8 * 1024;

/// Frames that a drained queue keeps room for.
constexpr std::size_t spare_frames = 256;

/// One gathered write in the making.
class gathered_write {
public:
  explicit gathered_write(std::span<char> scratch) : scratch_(scratch) {}

  /// False once nothing more fits; what did fit has been taken.
  bool add(std::string_view bytes) {
    if (bytes.size() >= gather_limit) {
      if (count_ == parts_.size())
        return false;
      parts_[count_++] = {const_cast<char*>(bytes.data()), bytes.size()};
      size_ += bytes.size();
      return true;
    }
    const auto taken = std::min(bytes.size(), scratch_.size());
    if (taken > 0) {
      auto* const to = scratch_.data();
      const bool joins
        = count_ > 0 && static_cast<char*>(parts_[count_ - 1].iov_base) + parts_[count_ - 1].iov_len == to;
      if (!joins) {
        if (count_ == parts_.size())
          return false;
        parts_[count_++] = {to, 0};
      }
      std::memcpy(to, bytes.data(), taken);
      parts_[count_ - 1].iov_len += taken;
      scratch_ = scratch_.subspan(taken);
      size_ += taken;
    }
    return taken == bytes.size();
  }

  ssize_t send(int socket) {
    msghdr message{};
    message.msg_iov = parts_.data();
    message.msg_iovlen = count_;
    ssize_t sent = 0;
    do
      sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
  std::span<char> scratch_;
  std::array<iovec, 16> parts_;
  std::size_t count_ = 0;
  std::size_t size_ = 0;
};

} // namespace

void output_queue::push(std::string_view bytes) {
  if (bytes.size() <= frame{}.head.size())
    push(bytes, nullptr);
  else
    push({}, std::make_shared<const std::string>(bytes));
}

void output_queue::push(std::string_view head, std::shared_ptr<const std::string> body, bool crlf) {
  auto& added = frames_.emplace_back();
  assert(head.size() <= added.head.size());
  added.body = std::move(body);
  added.head_size = static_cast<std::uint8_t>(head.size());
  added.tail_size = crlf ? 2 : 0;
  std::copy(head.begin(), head.end(), added.head.begin());
  bytes_ += added.size();
}

output_queue::status output_queue::write_to(int socket, std::span<char> scratch) {
  while (!empty()) {
    gathered_write write{scratch};
    auto skip = written_;
    for (auto i = first_; i < frames_.size(); ++i) {
      const auto& next = frames_[i];
      const auto body = next.body ? std::string_view{*next.body} : std::string_view{};
      bool taken = true;
      for (auto part :
           {std::string_view{next.head.data(), next.head_size}, body, std::string_view{"\r\n", next.tail_size}}) {
        const auto skipped = std::min(skip, part.size());
        skip -= skipped;
        taken = taken && write.add(part.substr(skipped));
      }
      if (!taken)
        break;
    }
    const auto sent = write.send(socket);
    if (sent < 0)
      return errno == EAGAIN || errno == EWOULDBLOCK ? status::blocked : status::failed;
    consume(static_cast<std::size_t>(sent));
    if (static_cast<std::size_t>(sent) < write.size())
      return status::blocked;
  }
  return status::drained;
}

void output_queue::drop_unsent() {
  const auto kept = written_ > 0 ? first_ + 1 : first_;
  for (auto i = kept; i < frames_.size(); ++i)
    bytes_ -= frames_[i].size();
  frames_.resize(kept);
}

void output_queue::release_spare() {
  if (empty())
    std::vector<frame>{}.swap(frames_), first_ = 0;
}

void output_queue::consume(std::size_t count) {
  bytes_ -= count;
  taken_ += count;
  written_ += count;
  while (!empty() && written_ >= frames_[first_].size()) {
    written_ -= frames_[first_].size();
    frames_[first_].body.reset();
    ++first_;
  }
  if (empty()) {
    frames_.clear();
    first_ = 0;
    if (frames_.capacity() > spare_frames)
      release_spare();
  } else if (first_ >= spare_frames && first_ * 2 >= frames_.size()) {
    frames_.erase(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

std::uint64_t undelivered_bytes(int socket) noexcept {
  int count = 0;
  return ::ioctl(socket, SIOCOUTQ, &count) == 0 && count > 0 ? static_cast<std::uint64_t>(count) : 0;
}

bool was_reset(int socket) noexcept {
  char next = 0;
  const auto count = ::recv(socket, &next, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
}

} // namespace troupe
