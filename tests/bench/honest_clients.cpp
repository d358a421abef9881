#include "tests/bench/honest_clients.hpp"

#include "tests/bench/sockets.hpp"
#include "tests/bench/websocket_bytes.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>

namespace troupe {

namespace {

using clock = std::chrono::steady_clock;

void limit_waiting(int socket, std::chrono::milliseconds limit) {
  timeval time{};
  time.tv_sec = limit.count() / 1000;
  time.tv_usec = limit.count() % 1000 * 1000;
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

/// One client; each round is one question and its answer. Throws if it is not what an honest client may expect.
class client {
public:
  client(std::uint16_t port, std::chrono::milliseconds limit) : socket_{connect_loopback(port)} {
    limit_waiting(socket_.get(), limit);
  }
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  virtual ~client() = default;

  virtual void round() = 0;

protected:
  std::string ask_for(std::string_view request) { return ask(socket_.get(), request); }
  [[nodiscard]] int socket() const { return socket_.get(); }

  /// Reads until `text` is there, and forgets everything up to its end.
  void read_past(std::string_view text) {
    auto at = received_.find(text);
    for (; at == std::string::npos; at = received_.find(text)) {
      receive_some(socket(), received_);
    }
    received_.erase(0, at + text.size());
  }

  std::string received_;

private:
  descriptor socket_;
};

class reader final : public client {
public:
  reader(std::uint16_t port, std::chrono::milliseconds limit, const std::string& task)
    : client{port, limit}, request_{get_request("/api/v1/tasks/" + task)} {}

  void round() override { ask_for(request_); }

private:
  std::string request_;
};

class executor final : public client {
public:
  using client::client;

  void round() override {
    const auto task = ask_for(post_request("/api/v1/tasks", R"({"input":"Hello"})"));
    ask_for(post_request("/api/v1/tasks/" + string_member(task, "id") + "/execute", ""));
  }
};

class follower final : public client {
public:
  using client::client;

  void round() override {
    const auto task = ask_for(post_request("/api/v1/tasks", R"({"input":"Hello","execute":true})"));
    const auto request = get_request("/api/v1/tasks/" + string_member(task, "id") + "/events");
    send_all(socket(), request.substr(0, request.size() - 2) + "Accept: text/event-stream\r\n\r\n");
    read_past("HTTP/1.1 200");
    read_past("event: task:completed");
    read_past("\r\n0\r\n\r\n");
  }
};

class pinger final : public client {
public:
  pinger(std::uint16_t port, std::chrono::milliseconds limit) : client{port, limit} {
    send_all(socket(), websocket_request("/api/v1/events"));
    read_past("HTTP/1.1 101");
    read_past("\r\n\r\n");
  }

  void round() override {
    send_all(socket(), text_frame(R"({"type":"ping"})"));
    read_past(R"({"type":"pong"})");
  }
};

std::unique_ptr<client> make_client(std::size_t index, std::uint16_t port, std::chrono::milliseconds limit,
                                    const std::string& task) {
  switch (index % 4) {
  case 0: return std::make_unique<reader>(port, limit, task);
  case 1: return std::make_unique<executor>(port, limit);
  case 2: return std::make_unique<follower>(port, limit);
  default: return std::make_unique<pinger>(port, limit);
  }
}

} // namespace

honest_clients::honest_clients(std::uint16_t port, std::size_t count, std::chrono::milliseconds interval,
                               std::chrono::milliseconds limit)
  : port_{port}, interval_{interval}, limit_{limit}, rounds_(count) {
  const auto socket = connect_loopback(port);
  task_ = string_member(ask(socket.get(), post_request("/api/v1/tasks", R"({"input":"Hello"})")), "id");
  for (std::size_t i = 0; i < count; ++i) {
    threads_.emplace_back([this, i] { run(i); });
  }
}

honest_clients::~honest_clients() {
  stopping_ = true;
  for (auto& thread : threads_) {
    thread.join();
  }
}

honest_figures honest_clients::take() {
  const std::lock_guard guard{mutex_};
  return std::exchange(seen_, {});
}

std::size_t honest_clients::rounds() const {
  const auto least = std::min_element(rounds_.begin(), rounds_.end(),
                                      [](const auto& a, const auto& b) { return a.load() < b.load(); });
  return least == rounds_.end() ? 0 : least->load();
}

void honest_clients::run(std::size_t index) {
  std::unique_ptr<client> self;
  // Spread over the interval, or all would ask at the same moment.
  auto due = clock::now() + interval_ * static_cast<long>(index) / static_cast<long>(rounds_.size());
  while (!stopping_) {
    std::this_thread::sleep_until(due);
    const auto begin = clock::now();
    try {
      if (!self) {
        self = make_client(index, port_, limit_, task_);
      }
      self->round();
      note(std::chrono::duration<double, std::milli>(clock::now() - begin).count());
    } catch (const std::exception& error) {
      note_failure(error.what());
      self.reset();
    }
    ++rounds_[index];
    due = std::max(due + interval_, clock::now());
  }
}

void honest_clients::note(double milliseconds) {
  const std::lock_guard guard{mutex_};
  ++seen_.answered;
  const auto interval = static_cast<double>(interval_.count());
  for (double left = milliseconds; left > 0; left -= interval) {
    seen_.milliseconds.push_back(left);
  }
}

void honest_clients::note_failure(const std::string& what) {
  const std::lock_guard guard{mutex_};
  ++seen_.failed;
  seen_.milliseconds.push_back(static_cast<double>(limit_.count()));
  if (seen_.failures.size() < 5) {
    seen_.failures.push_back(what.substr(0, 300));
  }
}

} // namespace troupe
