#include "tests/bench/subscribers.hpp"

#include "tests/bench/websocket_bytes.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <sys/epoll.h>

namespace troupe {

subscribers::subscribers(std::uint16_t port, std::size_t count, const std::string& room)
  : subscribers_(count), poll_{::epoll_create1(EPOLL_CLOEXEC)} {
  const std::string join = text_frame(R"({"type":"subscribe","room":")" + room + "\"}");
  for (std::size_t i = 0; i < count; ++i) {
    auto& s = subscribers_[i];
    s.socket = connect_loopback(port);
    send_all(s.socket.get(), websocket_request("/api/v1/events"));
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
