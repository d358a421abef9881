#include "tests/e2e/http_client.hpp"

#include "tests/e2e/contract.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <array>
#include <functional>

namespace troupe {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {

asio::ip::tcp::endpoint loopback(std::uint16_t port) {
  return {asio::ip::address_v4::loopback(), port};
}

} // namespace

std::string http_reply::header(std::string_view name) const {
  const auto field = headers.find({name.data(), name.size()});
  return field == headers.end() ? std::string{} : std::string{field->value()};
}

json http_reply::document() const {
  return json::parse(body);
}

http_client::http_client(std::uint16_t port, std::chrono::milliseconds limit) : port_{port}, limit_{limit} {}

http_reply http_client::get(const std::string& target, const header_list& headers) {
  return send("GET", target, {}, headers);
}

http_reply http_client::post(const std::string& target, const json& body, const header_list& headers) {
  return send("POST", target, body.dump(), headers);
}

http_reply http_client::post(const std::string& target) {
  return send("POST", target, {});
}

http_reply http_client::put(const std::string& target, const json& body) {
  return send("PUT", target, body.dump());
}

http_reply http_client::patch(const std::string& target, const json& body) {
  return send("PATCH", target, body.dump());
}

http_reply http_client::remove(const std::string& target) {
  return send("DELETE", target, {});
}

http_reply http_client::send(const std::string& method, const std::string& target, const std::string& body,
                             const header_list& headers) {
  http_reply reply;
  const bool reused = stream_ != nullptr;
  try {
    reply = exchange(method, target, body, headers);
  } catch (const boost::system::system_error& error) {
    drop();
    // A server may close an idle connection just when it is used again.
    if (!reused || error.code() != http::error::end_of_stream) {
      throw;
    }
    reply = exchange(method, target, body, headers);
  }
  contract::instance().check(method, target, reply);
  return reply;
}

void http_client::drop() {
  stream_.reset();
  buffer_.clear();
}

http_reply http_client::exchange(const std::string& method, const std::string& target, const std::string& body,
                                 const header_list& headers) {
  error_code failure;
  // Runs the operation that was just started, to its end or to its time limit.
  const auto finish = [&] {
    io_.restart();
    io_.run();
    if (failure) {
      throw boost::system::system_error{failure};
    }
  };
  const auto done = [&](error_code error, auto&&...) { failure = error; };

  if (!stream_) {
    stream_ = std::make_unique<beast::tcp_stream>(io_);
    stream_->expires_after(limit_);
    stream_->async_connect(loopback(port_), done);
    finish();
    stream_->socket().set_option(asio::ip::tcp::no_delay{true});
  }

  http::request<http::string_body> request;
  request.method_string(method);
  request.target(target);
  request.set(http::field::host, "127.0.0.1:" + std::to_string(port_));
  for (const auto& [name, value] : headers) {
    request.insert(name, value);
  }
  if (!body.empty() && request.find(http::field::content_type) == request.end()) {
    request.set(http::field::content_type, "application/json");
  }
  request.body() = body;
  if (!body.empty() || method == "POST") {
    request.prepare_payload();
  }
  stream_->expires_after(limit_);
  http::async_write(*stream_, request, done);
  try {
    finish();
  } catch (const boost::system::system_error& error) {
    // The server may refuse a body before it has read all of it: read what it says.
    if (error.code() != asio::error::broken_pipe && error.code() != asio::error::connection_reset) {
      throw;
    }
  }

  http::response_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  parser.skip(method == "HEAD");
  stream_->expires_after(limit_);
  http::async_read(*stream_, buffer_, parser, done);
  finish();

  http_reply reply{parser.get().result_int(), parser.get().base(), std::move(parser.get().body())};
  if (!parser.get().keep_alive()) {
    drop();
  }
  return reply;
}

raw_reply exchange_bytes(std::uint16_t port, std::string_view bytes, std::chrono::milliseconds quiet) {
  asio::io_context io;
  beast::tcp_stream stream{io};
  stream.socket().connect(loopback(port));
  raw_reply reply;
  std::array<char, 16 * 1024> part{};
  bool reading = true;
  std::function<void()> receive = [&] {
    stream.expires_after(quiet);
    stream.async_read_some(asio::buffer(part), [&](error_code error, std::size_t length) {
      reply.bytes.append(part.data(), length);
      reading = !error;
      reply.closed = error && error != beast::error::timeout;
      if (reading) {
        receive();
      }
    });
  };
  receive();
  // A refused message may not be taken to its end; what was answered still counts.
  asio::async_write(stream.socket(), asio::buffer(bytes.data(), bytes.size()), [](error_code, std::size_t) {});
  while (reading && io.run_one() != 0) {
  }
  return reply;
}

std::size_t count_answers(std::string_view bytes) {
  // A status line, which the text of a body does not have: its version is followed by a number.
  constexpr std::string_view begin = "HTTP/1.1 ";
  std::size_t count = 0;
  for (auto at = bytes.find(begin); at != std::string_view::npos; at = bytes.find(begin, at + 1)) {
    const std::string_view rest = bytes.substr(at + begin.size());
    count += !rest.empty() && rest.front() >= '1' && rest.front() <= '5' ? 1 : 0;
  }
  return count;
}

} // namespace troupe
