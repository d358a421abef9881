#pragma once

#include "gateway/http/server.hpp"
#include "gateway/requests/transport.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace troupe::testing {

/// What tests do with a request.
using route = std::function<void(std::shared_ptr<exchange>)>;

/// A server on its own thread and a free port of the loopback.
class test_server {
public:
  explicit test_server(route on_request, transport_limits limits = {}, std::shared_ptr<access_log> access = nullptr);
  ~test_server();

  test_server(const test_server&) = delete;
  test_server& operator=(const test_server&) = delete;

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }

  /// Runs `task` on the I/O thread and waits for it.
  void run(std::function<void()> task);
  /// The future is ready once no connection is left.
  std::future<void> stop(std::chrono::milliseconds grace);
  /// Stops the I/O thread where it stands and destroys server and I/O context.
  void destroy();

  std::atomic<int> http_connections = 0;
  std::atomic<int> websocket_connections = 0;
  std::atomic<int> slow_readers = 0;
  std::atomic<std::size_t> frames_sent = 0;
  std::atomic<std::size_t> frames_received = 0;

private:
  std::unique_ptr<boost::asio::io_context> io_;
  std::unique_ptr<http_server> server_;
  std::thread thread_;
};

/// A condition that one thread waits for and another fulfils.
class signal_flag {
public:
  void raise();
  /// False if ten seconds pass without it.
  [[nodiscard]] bool wait();

private:
  std::mutex mutex_;
  std::condition_variable raised_;
  bool is_raised_ = false;
};

/// A listener that tells what happens to it. `connection` is touched on the I/O
/// thread only.
class test_listener : public websocket_listener {
public:
  explicit test_listener(bool echo = true) : echo_(echo) {}

  void on_open(std::shared_ptr<websocket_connection> opened) override;
  void on_text(std::string text) override;
  void on_close() override;

  std::shared_ptr<websocket_connection> connection;
  signal_flag opened;
  signal_flag closed;

private:
  bool echo_;
};

/// 200 with a plain text.
[[nodiscard]] http_response text_response(std::string text);

/// A GET of `target` that keeps the connection.
[[nodiscard]] std::string get(std::string_view target);

} // namespace troupe::testing
