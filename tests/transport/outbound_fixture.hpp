#pragma once

#include "gateway/outbound/beast_client.hpp"
#include "provider_stub.hpp"
#include "recording_listener.hpp"
#include "test_server.hpp"
#include "tests/eventually.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

/// What the tests of the outbound client have in common.
namespace troupe::testing {

/// May call the loopback.
inline outbound_config loopback_config() {
  outbound_config config;
  config.allow = {"127.0.0.1", "localhost"};
  return config;
}

inline std::string url_of(const provider_stub& stub, std::string_view path = "/") {
  return "http://127.0.0.1:" + std::to_string(stub.port()) + std::string{path};
}

inline outbound_request make_request(std::string method, std::string url, std::string body = {}) {
  outbound_request request;
  request.method = std::move(method);
  request.url = std::move(url);
  request.body = std::move(body);
  return request;
}

/// Starts a call and waits for its end.
inline std::shared_ptr<recording_listener> call(outbound_client& client, outbound_request request) {
  auto listener = std::make_shared<recording_listener>();
  client.start(std::move(request), listener);
  listener->wait_for_end();
  return listener;
}

inline std::shared_ptr<recording_listener> get_from(outbound_client& client, const provider_stub& stub) {
  return call(client, make_request("GET", url_of(stub)));
}

/// An answer with a length.
inline std::string answer(std::string_view body, std::string_view headers = {}) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string{headers} + "\r\n"
         + std::string{body};
}

inline constexpr std::string_view chunked_head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Answers every request with `text`.
inline provider_stub::script always(std::string text) {
  return [text = std::move(text)](stub_connection& connection) {
    while (connection.read_request())
      connection.write(text);
  };
}

/// Answers one request with `text`, and closes the connection.
inline provider_stub::script once(std::string text) {
  return [text = std::move(text)](stub_connection& connection) {
    if (connection.read_request())
      connection.write(text);
    connection.close();
  };
}

} // namespace troupe::testing
