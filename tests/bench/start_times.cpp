#include "tests/bench/start_times.hpp"

#include "tests/bench/http_load.hpp"
#include "tests/bench/sockets.hpp"
#include "tests/bench/subscribers.hpp"

#include <string>
#include <string_view>

namespace troupe {

std::vector<double> time_starts(std::uint16_t port, std::size_t tasks) {
  const std::string request = post_request("/api/v1/tasks", R"({"input":"Hello","execute":true})");
  const auto socket = connect_loopback(port);
  subscribers watcher{port, 1, "namespace:default"};
  std::vector<double> milliseconds;
  for (std::size_t n = 0; n < tasks; ++n) {
    const auto sent = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point started{};
    send_all(socket.get(), request);
    watcher.receive_until([&](std::string_view frame) {
      if (frame.starts_with(R"({"type":"task:started")")) {
        started = std::chrono::steady_clock::now();
      }
      return frame.starts_with(R"({"type":"task:completed")");
    });
    std::string answer;
    raw_answer parsed;
    while (answer_length(answer, parsed) == 0) {
      receive_some(socket.get(), answer);
    }
    milliseconds.push_back(milliseconds_between(sent, started));
  }
  return milliseconds;
}

} // namespace troupe
