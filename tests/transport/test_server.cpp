#include "test_server.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <stdexcept>
#include <utility>

namespace troupe::testing {

namespace {

class test_handler final : public request_handler {
public:
  explicit test_handler(route on_request) : on_request_(std::move(on_request)) {}

  void on_request(std::shared_ptr<exchange> request) override { on_request_(std::move(request)); }

  [[nodiscard]] http_response refusal(unsigned status, std::string_view detail) const override {
    return {status, "text/plain", "refused: " + std::string{detail}, {}};
  }

private:
  route on_request_;
};

} // namespace

test_server::test_server(route on_request, transport_limits limits, std::shared_ptr<access_log> access)
  : io_(std::make_unique<boost::asio::io_context>(1)) {
  transport_observer observer;
  observer.http_connections = [this](int change) { http_connections += change; };
  observer.websocket_connections = [this](int change) { websocket_connections += change; };
  observer.slow_reader_closed = [this] { ++slow_readers; };
  observer.websocket_frames_sent = [this](std::size_t count) { frames_sent += count; };
  observer.websocket_frames_received = [this](std::size_t count) { frames_received += count; };
  observer.access = std::move(access);
  server_ = std::make_unique<http_server>(*io_, std::make_shared<test_handler>(std::move(on_request)), limits,
                                          std::move(observer));
  if (const auto error = server_->listen("127.0.0.1", 0))
    throw std::runtime_error(error.message());
  // Also once the server has stopped: `run` still has its turn then.
  thread_ = std::thread{[this, work = boost::asio::make_work_guard(*io_)] { io_->run(); }};
}

test_server::~test_server() {
  destroy();
}

void test_server::run(std::function<void()> task) {
  std::promise<void> done;
  boost::asio::post(*io_, [&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

std::future<void> test_server::stop(std::chrono::milliseconds grace) {
  auto done = std::make_shared<std::promise<void>>();
  server_->stop(grace, [done] { done->set_value(); });
  return done->get_future();
}

void test_server::destroy() {
  if (!thread_.joinable())
    return;
  io_->stop();
  thread_.join();
  server_.reset();
  io_.reset();
}

void signal_flag::raise() {
  const std::lock_guard lock{mutex_};
  is_raised_ = true;
  raised_.notify_all();
}

bool signal_flag::wait() {
  std::unique_lock lock{mutex_};
  return raised_.wait_for(lock, std::chrono::seconds{10}, [this] { return is_raised_; });
}

void test_listener::on_open(std::shared_ptr<websocket_connection> with) {
  connection = std::move(with);
  opened.raise();
}

void test_listener::on_text(std::string text) {
  if (echo_)
    connection->send(std::make_shared<const std::string>(std::move(text)));
}

void test_listener::on_close() {
  connection.reset();
  closed.raise();
}

http_response text_response(std::string text) {
  return {200, "text/plain", std::move(text), {}};
}

std::string get(std::string_view target) {
  return "GET " + std::string{target} + " HTTP/1.1\r\nHost: test\r\n\r\n";
}

} // namespace troupe::testing
