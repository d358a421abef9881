#include "tests/bench/http_load.hpp"

#include <array>
#include <stdexcept>
#include <sys/epoll.h>

namespace troupe {

http_load::http_load(std::uint16_t port, std::size_t clients)
  : connections_(clients), poll_{::epoll_create1(EPOLL_CLOEXEC)} {
  for (std::size_t i = 0; i < clients; ++i) {
    connections_[i].socket = connect_loopback(port);
    epoll_event interest{};
    interest.events = EPOLLIN;
    interest.data.u64 = i;
    ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, connections_[i].socket.get(), &interest);
  }
}

http_load::result http_load::run(std::size_t total, unsigned status,
                                 const std::function<std::string_view(std::size_t)>& request,
                                 const std::function<void(std::string_view body)>& on_answer) {
  const auto begin = std::chrono::steady_clock::now();
  std::size_t sent = 0;
  std::size_t answered = 0;
  for (auto& connection : connections_) {
    if (sent < total) {
      send_all(connection.socket.get(), request(sent++));
    }
  }
  std::array<epoll_event, 256> events{};
  while (answered < total) {
    const int ready = ::epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      auto& connection = connections_[events[static_cast<std::size_t>(i)].data.u64];
      receive_some(connection.socket.get(), connection.received);
      raw_answer answer;
      const std::size_t length = answer_length(connection.received, answer);
      if (length == 0) {
        continue;
      }
      if (answer.status != status) {
        throw std::runtime_error{"the server answers " + connection.received};
      }
      if (on_answer) {
        on_answer(answer.body);
      }
      connection.received.erase(0, length);
      ++answered;
      if (sent < total) {
        send_all(connection.socket.get(), request(sent++));
      }
    }
  }
  return {answered, std::chrono::steady_clock::now() - begin};
}

} // namespace troupe
