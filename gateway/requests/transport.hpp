#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/verb.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What stands between bytes on a socket and the routes: requests, answers and
/// frames as plain values. The server (gateway/http) implements the abstract
/// classes that are called from above; the routes implement those called from
/// below. Nothing here knows an actor.
namespace troupe {

class access_log;
struct access_record;

// -- HTTP ---------------------------------------------------------------------

/// A whole request that passed the framing guard. Header fields are as received.
struct http_request {
  boost::beast::http::verb method = boost::beast::http::verb::get;
  /// The method's name as received, also of methods that Beast does not know.
  std::string method_name;
  /// Where the client means to be: the host, perhaps with a port, of an absolute target, else
  /// of the Host field (RFC 9112, section 3.2.2). Well-formed; empty if HTTP/1.0 names none.
  std::string authority;
  /// The target before `?`, not yet percent-decoded. `*` if OPTIONS asks about the whole
  /// server; of CONNECT the authority that it names.
  std::string path;
  /// The target behind `?`, not yet percent-decoded; empty for none.
  std::string query;
  boost::beast::http::fields headers;
  std::string body;
  /// It asks for a WebSocket (RFC 6455, section 4.1), well-formed.
  bool is_websocket_upgrade = false;
  /// Its `X-Request-Id`, or one that was made for it: stands on every answer.
  std::string id{};
  /// For the access log; null while that is off.
  std::shared_ptr<access_record> access{};
};

using header_fields = std::vector<std::pair<std::string, std::string>>;

struct http_response {
  unsigned status = 200;
  /// Empty for an answer without a body (204, 304).
  std::string content_type = "application/json";
  std::string body;
  /// Further header fields; the server adds Date, Content-Length and Connection.
  header_fields headers;
};

class websocket_connection;

/// Receives what a WebSocket client does; called on the connection's I/O thread.
class websocket_listener {
public:
  virtual ~websocket_listener() = default;

  /// The handshake is done; frames may be sent from now on.
  virtual void on_open(std::shared_ptr<websocket_connection> connection) = 0;
  /// A whole text message, valid UTF-8. Binary messages never get here: they are
  /// closed with 1003.
  virtual void on_text(std::string text) = 0;
  /// The last call: the connection is gone, for whatever reason.
  virtual void on_close() = 0;
};

/// A WebSocket as the routes see it. Every member is called on its I/O thread.
class websocket_connection {
public:
  virtual ~websocket_connection() = default;

  /// Queues a text message. The buffer is shared by all receivers and not copied
  /// until it is written. If the queue limit is passed the connection is closed
  /// with 1013 (try again later) and the queue dropped.
  virtual void send(std::shared_ptr<const std::string> text) = 0;

  /// Closes with an RFC 6455 code and a reason of at most 123 bytes, after what
  /// is queued. What is sent later is dropped.
  virtual void close(unsigned code, std::string_view reason) = 0;

  /// Bytes queued and not yet taken by the socket.
  [[nodiscard]] virtual std::size_t queued_bytes() const = 0;
  /// `drained` is called once, soon after the socket has taken all that is queued.
  virtual void tell_when_drained(std::function<void()> drained) = 0;

  /// Hands over no further message until `release`: what the client has yet to say
  /// waits where it is, in the end with the client.
  virtual void hold() = 0;
  virtual void release() = 0;
};

/// One request and the way to answer it. It is answered by exactly one of
/// `respond`, `start_stream` and `upgrade`; later answers are ignored, so that a
/// late one does no harm. If it is dropped unanswered, the server sends a 500.
class exchange {
public:
  virtual ~exchange() = default;

  [[nodiscard]] virtual const http_request& request() const = 0;

  /// A header field for whichever answer is given, also for one that the server gives
  /// itself. Called before the request is handed on to another thread.
  virtual void add_header(std::string name, std::string value) = 0;

  /// Callable from any thread.
  virtual void respond(http_response response) = 0;
  /// The connection has ended, and nobody would hear an answer. Callable from any
  /// thread.
  [[nodiscard]] virtual bool is_gone() const = 0;

  // The following are called on the I/O thread only.

  /// Sends `head` without a length and keeps the answer open (chunked on 1.1);
  /// `body` of `head` is the first part.
  virtual void start_stream(http_response head) = 0;
  /// Queues a part of the stream. Past the queue limit the connection is dropped.
  virtual void write(std::shared_ptr<const std::string> part) = 0;
  /// Ends the stream.
  virtual void finish() = 0;
  /// Bytes of the stream not yet taken by the socket.
  [[nodiscard]] virtual std::size_t queued_bytes() const = 0;
  /// `drained` is called once, soon after the socket has taken all that is queued.
  virtual void tell_when_drained(std::function<void()> drained) = 0;

  /// Answers with 101 and hands the connection to `listener`.
  virtual void upgrade(std::shared_ptr<websocket_listener> listener) = 0;

  /// `gone` is called once if the connection is lost before the answer is complete, or
  /// if the server stops during a stream, which it may still finish. A client that only
  /// has nothing more to say still waits for its answer; whether one is gone for good is
  /// found out by probing (`transport_limits::probe_interval`). Without it, nothing
  /// watches for that.
  virtual void on_disconnect(std::function<void()> gone) = 0;
};

/// The routes, as the server sees them.
class request_handler {
public:
  virtual ~request_handler() = default;

  /// Called on the I/O thread that the connection belongs to; must not block.
  virtual void on_request(std::shared_ptr<exchange> request) = 0;

  /// Renders the server's own refusals (a framing error, a limit) in the
  /// house's error form. `status` is 400, 408, 413, 414, 431, 500, 501, 503 or 505;
  /// `detail` is a sentence.
  [[nodiscard]] virtual http_response refusal(unsigned status, std::string_view detail) const = 0;
};

/// What the server reports about itself; each is called on an I/O thread.
struct transport_observer {
  std::function<void(int change)> http_connections = [](int) {};
  std::function<void(int change)> websocket_connections = [](int) {};
  std::function<void(std::size_t count)> websocket_frames_sent = [](std::size_t) {};
  std::function<void(std::size_t count)> websocket_frames_received = [](std::size_t) {};
  /// A slow reader was closed with 1013 or dropped.
  std::function<void()> slow_reader_closed = [] {};
  /// Gets a line per request; null for none.
  std::shared_ptr<access_log> access{};
};

} // namespace troupe
