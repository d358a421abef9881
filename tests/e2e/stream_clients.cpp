#include "tests/e2e/stream_clients.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <stdexcept>

namespace troupe {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;
using clock = std::chrono::steady_clock;

namespace {

/// Runs `io` until `reached`, until there is nothing left to run, or until `limit`.
bool run_until(asio::io_context& io, const std::function<bool()>& reached, std::chrono::milliseconds limit) {
  const auto deadline = clock::now() + limit;
  io.restart();
  while (!reached() && io.run_one_until(deadline) != 0) {
  }
  return reached();
}

asio::ip::tcp::endpoint loopback(std::uint16_t port) {
  return {asio::ip::address_v4::loopback(), port};
}

template <class Client>
std::vector<json> collect_until(const frame_test& last, std::chrono::milliseconds limit, Client next) {
  const auto deadline = clock::now() + limit;
  std::vector<json> frames;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now());
    std::optional<json> frame = next(left);
    if (!frame) {
      throw std::runtime_error{"the frame waited for did not come; these came: " + json(frames).dump()};
    }
    frames.push_back(*frame);
    if (last(frames.back())) {
      return frames;
    }
  }
}

} // namespace

frame_test of_type(std::string type) {
  return [type = std::move(type)](const json& frame) { return frame.value("type", "") == type; };
}

// -- WebSocket ------------------------------------------------------------------

websocket_client::websocket_client(std::uint16_t port, const std::string& target) : stream_{io_} {
  stream_.next_layer().socket().connect(loopback(port));
  stream_.next_layer().socket().set_option(asio::ip::tcp::no_delay{true});
  stream_.read_message_max(64UL * 1024 * 1024);
  websocket::response_type response;
  error_code error;
  stream_.handshake(response, "127.0.0.1:" + std::to_string(port), target, error);
  if (error) {
    throw std::runtime_error{"the handshake failed (" + error.message() + "), status "
                             + std::to_string(response.result_int()) + ": " + response.body()};
  }
  read();
}

void websocket_client::send(const json& frame) {
  write(frame.dump(), false);
}

void websocket_client::send_text(const std::string& text) {
  write(text, false);
}

void websocket_client::send_binary(const std::string& bytes) {
  write(bytes, true);
}

void websocket_client::send_raw(const std::string& bytes) {
  asio::write(stream_.next_layer().socket(), asio::buffer(bytes));
}

void websocket_client::write(const std::string& bytes, bool binary) {
  bool written = false;
  error_code failure;
  stream_.binary(binary);
  stream_.async_write(asio::buffer(bytes), [&](error_code error, std::size_t) {
    written = true;
    failure = error;
  });
  if (!pump([&] { return written; }, patience)) {
    throw std::runtime_error{"the server does not read"};
  }
  if (failure) {
    throw boost::system::system_error{failure};
  }
}

std::optional<json> websocket_client::next(std::chrono::milliseconds limit) {
  pump([this] { return !inbox_.empty() || !open_; }, limit);
  if (inbox_.empty()) {
    return std::nullopt;
  }
  json frame = std::move(inbox_.front());
  inbox_.pop_front();
  return frame;
}

std::vector<json> websocket_client::until(const frame_test& last, std::chrono::milliseconds limit) {
  return collect_until(last, limit, [this](std::chrono::milliseconds left) { return next(left); });
}

unsigned websocket_client::wait_for_close(std::chrono::milliseconds limit) {
  if (!pump([this] { return !open_; }, limit)) {
    throw std::runtime_error{"the server does not close the connection"};
  }
  const auto code = stream_.reason().code;
  return code == websocket::close_code::none ? 1006U : static_cast<unsigned>(code);
}

void websocket_client::drop() {
  stream_.next_layer().close();
  pump([this] { return !open_; }, patience);
}

void websocket_client::read() {
  stream_.async_read(buffer_, [this](error_code error, std::size_t) {
    if (error) {
      open_ = false;
      return;
    }
    inbox_.push_back(json::parse(beast::buffers_to_string(buffer_.data())));
    buffer_.clear();
    read();
  });
}

bool websocket_client::pump(const std::function<bool()>& reached, std::chrono::milliseconds limit) {
  return run_until(io_, reached, limit);
}

// -- server-sent events ----------------------------------------------------------

sse_client::sse_client(std::uint16_t port, const std::string& target, const header_list& headers) : stream_{io_} {
  stream_.socket().connect(loopback(port));
  http::request<http::empty_body> request{http::verb::get, target, 11};
  request.set(http::field::host, "127.0.0.1:" + std::to_string(port));
  request.set(http::field::accept, "text/event-stream");
  for (const auto& [name, value] : headers) {
    request.set(name, value);
  }
  http::write(stream_.socket(), request);
  parser_.body_limit(boost::none);
  parser_.eager(true);
  stream_.expires_after(patience);
  error_code failure;
  http::async_read_header(stream_, buffer_, parser_, [&](error_code error, std::size_t) { failure = error; });
  io_.run();
  if (failure) {
    throw boost::system::system_error{failure};
  }
  stream_.expires_never();
  head_.status = parser_.get().result_int();
  head_.headers = parser_.get().base();
  take_events();
  read();
}

std::optional<sse_frame> sse_client::next(std::chrono::milliseconds limit) {
  run_until(
    io_, [this] { return !inbox_.empty() || !open_; }, limit);
  if (inbox_.empty()) {
    return std::nullopt;
  }
  sse_frame event = std::move(inbox_.front());
  inbox_.pop_front();
  return event;
}

std::vector<json> sse_client::until(const frame_test& last, std::chrono::milliseconds limit) {
  return collect_until(last, limit, [this](std::chrono::milliseconds left) -> std::optional<json> {
    const auto event = next(left);
    return event ? std::optional{json::parse(event->data)} : std::nullopt;
  });
}

void sse_client::read() {
  if (parser_.is_done()) {
    open_ = false;
    return;
  }
  http::async_read_some(stream_, buffer_, parser_, [this](error_code error, std::size_t) {
    take_events();
    if (error) {
      open_ = false;
      return;
    }
    read();
  });
}

void sse_client::take_events() {
  // An event is a block of lines that an empty line ends (HTML Living Standard, section 9.2.6).
  std::string& text = parser_.get().body();
  for (auto end = text.find("\n\n"); end != std::string::npos; end = text.find("\n\n")) {
    sse_frame event;
    std::size_t at = 0;
    while (at < end) {
      const auto line_end = std::min(text.find('\n', at), end);
      const std::string line = text.substr(at, line_end - at);
      at = line_end + 1;
      const auto colon = line.find(": ");
      const std::string field = line.substr(0, colon);
      const std::string value = colon == std::string::npos ? std::string{} : line.substr(colon + 2);
      if (field == "id") {
        event.id = value;
      } else if (field == "event") {
        event.event = value;
      } else if (field == "data") {
        event.data += (event.data.empty() ? "" : "\n") + value;
      }
    }
    text.erase(0, end + 2);
    // A block without data is a comment that keeps the connection alive.
    if (!event.data.empty()) {
      inbox_.push_back(std::move(event));
    }
  }
}

} // namespace troupe
