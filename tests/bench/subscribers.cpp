#include "tests/bench/subscribers.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <sys/epoll.h>

namespace troupe {

namespace {

constexpr std::string_view handshake = "GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                       "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

/// A masked text frame of less than 126 bytes; a mask of zeros leaves the text as it is.
std::string text_frame(std::string_view text) {
  std::string frame{'\x81', static_cast<char>(0x80U | text.size()), 0, 0, 0, 0};
  return frame.append(text);
}

/// Where the payload of the frame at the front of `bytes` begins and ends; end 0 if
/// it is not complete.
struct extent {
  std::size_t begin = 0;
  std::size_t end = 0;
};

extent first_frame(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  if (bytes.size() < 2) {
    return {};
  }
  std::size_t length = byte(1) & 0x7FU;
  std::size_t head = 2;
  if (length > 125) {
    head = length == 126 ? 4 : 10;
    if (bytes.size() < head) {
      return {};
    }
    length = 0;
    for (std::size_t i = 2; i < head; ++i) {
      length = length << 8U | byte(i);
    }
  }
  return bytes.size() < head + length ? extent{} : extent{head, head + length};
}

} // namespace

subscribers::subscribers(std::uint16_t port, std::size_t count, const std::string& room)
  : subscribers_(count), poll_{::epoll_create1(EPOLL_CLOEXEC)} {
  const std::string join = text_frame(R"({"type":"subscribe","room":")" + room + "\"}");
  for (std::size_t i = 0; i < count; ++i) {
    auto& s = subscribers_[i];
    s.socket = connect_loopback(port);
    send_all(s.socket.get(), handshake);
    while (s.received.find("\r\n\r\n") == std::string::npos) {
      receive_some(s.socket.get(), s.received);
    }
    if (!s.received.starts_with("HTTP/1.1 101")) {
      throw std::runtime_error{"the server refuses a WebSocket: " + s.received};
    }
    s.received.erase(0, s.received.find("\r\n\r\n") + 4);
    send_all(s.socket.get(), join);
    while (first_frame(s.received).end == 0) {
      receive_some(s.socket.get(), s.received);
    }
    s.received.erase(0, first_frame(s.received).end);
    epoll_event interest{};
    interest.events = EPOLLIN;
    interest.data.u64 = i;
    ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, s.socket.get(), &interest);
  }
}

subscribers::result subscribers::receive(std::size_t each) {
  result total;
  const std::size_t wanted = each * subscribers_.size();
  std::array<epoll_event, 512> events{};
  while (total.frames < wanted) {
    const int ready = ::epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      auto& s = subscribers_[events[static_cast<std::size_t>(i)].data.u64];
      receive_some(s.socket.get(), s.received);
      total.frames += take_frames(s, [&](std::string_view frame) { total.bytes += frame.size(); });
    }
  }
  return total;
}

void subscribers::receive_until(const std::function<bool(std::string_view frame)>& last) {
  auto& s = subscribers_.front();
  bool found = false;
  while (!found) {
    take_frames(s, [&](std::string_view frame) { found = found || last(frame); });
    if (!found) {
      receive_some(s.socket.get(), s.received);
    }
  }
}

std::size_t subscribers::take_frames(subscriber& s, const std::function<void(std::string_view frame)>& on_frame) {
  std::size_t taken = 0;
  std::size_t at = 0;
  const std::string_view bytes = s.received;
  for (;;) {
    const auto [begin, end] = first_frame(bytes.substr(at));
    if (end == 0) {
      break;
    }
    on_frame(bytes.substr(at + begin, end - begin));
    at += end;
    ++taken;
  }
  s.received.erase(0, at);
  return taken;
}

} // namespace troupe
