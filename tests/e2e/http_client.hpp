#pragma once

#include "tests/e2e/server_process.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/fields.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A small synchronous HTTP client. Every answer it receives is held against
/// gateway/openapi.json; what the contract does not describe fails the test.
namespace troupe {

using json = nlohmann::json;

using header_list = std::vector<std::pair<std::string, std::string>>;

struct http_reply {
  unsigned status = 0;
  boost::beast::http::fields headers;
  std::string body;

  /// Empty if it is missing.
  [[nodiscard]] std::string header(std::string_view name) const;
  /// The body; throws if it is not JSON.
  [[nodiscard]] json document() const;
};

/// One keep-alive connection, made when needed. Network errors are thrown as
/// boost::system::system_error.
class http_client {
public:
  explicit http_client(std::uint16_t port, std::chrono::milliseconds limit = patience);

  http_reply get(const std::string& target, const header_list& headers = {});
  http_reply post(const std::string& target, const json& body, const header_list& headers = {});
  http_reply post(const std::string& target);
  http_reply put(const std::string& target, const json& body);
  http_reply patch(const std::string& target, const json& body);
  http_reply remove(const std::string& target);

  /// Sends `body` as it is; a Content-Type of application/json is added unless
  /// `headers` has one or the body is empty.
  http_reply send(const std::string& method, const std::string& target, const std::string& body,
                  const header_list& headers = {});

  /// Closes the connection without a word.
  void drop();

private:
  http_reply exchange(const std::string& method, const std::string& target, const std::string& body,
                      const header_list& headers);

  std::uint16_t port_;
  std::chrono::milliseconds limit_;
  boost::asio::io_context io_;
  std::unique_ptr<boost::beast::tcp_stream> stream_;
  boost::beast::flat_buffer buffer_;
};

struct raw_reply {
  std::string bytes;
  /// The server has closed the connection.
  bool closed = false;
};

/// Sends raw bytes on a connection of its own and returns everything received
/// until the server closes it, or until nothing has come for `quiet`.
raw_reply exchange_bytes(std::uint16_t port, std::string_view bytes, std::chrono::milliseconds quiet = 1000ms);

/// How many HTTP answers there are in raw bytes.
std::size_t count_answers(std::string_view bytes);

} // namespace troupe
