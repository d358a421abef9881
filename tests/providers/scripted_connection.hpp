#pragma once

#include "tests/providers/scripted_stream.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

/// A scripted provider's connections and their clock. All of it is of one thread.
namespace troupe::script {

using clock = std::chrono::steady_clock;

class connection;

/// Wakes connections when something of theirs is due: a wheel of slots that one timer
/// turns, so that ten thousand streams cost no timer each. Nothing is woken early.
class pacer {
public:
  explicit pacer(boost::asio::io_context& io);

  void wake_at(clock::time_point due, std::shared_ptr<connection> who);

private:
  struct entry {
    std::uint64_t tick = 0;
    std::shared_ptr<connection> who;
  };

  void arm();
  void turn();

  static constexpr std::chrono::milliseconds tick_length{5};
  static constexpr std::size_t slots = 1024;

  boost::asio::steady_timer timer_;
  clock::time_point start_ = clock::now();
  /// Up to this one every tick is done.
  std::uint64_t done_ = 0;
  std::size_t waiting_ = 0;
  bool armed_ = false;
  std::vector<std::vector<entry>> wheel_{slots};
};

/// What a connection needs of its provider.
class connection_owner {
public:
  virtual ~connection_owner() = default;

  /// Numbers `request`, and says how it is answered.
  virtual sending on_request(seen_request& request) = 0;
  /// An answer is over: all is sent, or the connection was closed, by the peer or not.
  virtual void on_answer_over(const seen_request& request, bool closed_by_peer) = 0;
  virtual void on_closed() = 0;
  virtual pacer& clock_of_streams() = 0;
};

/// One keep-alive connection. It looks out for the peer's closing also while it answers,
/// or does not answer.
class connection : public std::enable_shared_from_this<connection> {
public:
  connection(boost::asio::ip::tcp::socket socket, connection_owner& owner, std::size_t number);

  void read();

  /// Sends what is due by now.
  void advance();

private:
  void take_request();
  void watch();
  void on_readable();
  void wait_until_writable();
  void finish();
  void close(bool by_peer);

  boost::asio::ip::tcp::socket socket_;
  connection_owner& owner_;
  std::size_t number_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  seen_request request_;
  sending answer_;
  clock::time_point start_;
  std::size_t sent_ = 0;
  bool open_ = true;
  bool reading_ = false;
  bool answering_ = false;
  bool watching_ = false;
};

} // namespace troupe::script
