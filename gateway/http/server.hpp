#pragma once

#include "gateway/requests/client_memory.hpp"
#include "gateway/requests/transport.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <system_error>

namespace troupe {

/// Bounds on what one client may cost.
struct transport_limits {
  std::size_t header_bytes = 16 * 1024;
  std::size_t target_bytes = 8 * 1024;
  std::size_t body_bytes = 1024 * 1024;
  /// From the first byte of a request (or the accept) to the end of its header.
  std::chrono::seconds header_timeout{10};
  /// Within it whoever sends a body or a message, or reads an answer, moves at least
  /// `least_progress` bytes.
  std::chrono::seconds progress_timeout{10};
  std::size_t least_progress = 10 * 1024;
  /// A whole body, or message, has this long, and as long again as its greatest size
  /// takes at `least_rate` bytes a second.
  std::chrono::seconds transfer_timeout{60};
  std::size_t least_rate = 16 * 1024;
  /// Once all is said: how long the other side has to end the connection, after it has
  /// read what was left for it. Within it, it reads at least a kibibyte.
  std::chrono::seconds close_timeout{5};
  /// Silence after which the other side of a connection that is watched is probed; six
  /// probes without an answer, or one that is refused, end it.
  std::chrono::seconds probe_interval{15};
  /// Between two requests on one connection.
  std::chrono::seconds idle_timeout{60};
  /// Connections of all kinds; one more is answered with 503 and closed.
  std::size_t connections = 20000;
  /// In sum over all connections, and shared by all servers of the process.
  std::shared_ptr<client_memory> memory = std::make_shared<client_memory>();
  /// A WebSocket text message from a client.
  std::size_t message_bytes = 1024 * 1024;
  /// Queued towards one WebSocket or SSE client.
  std::size_t queue_bytes = 4 * 1024 * 1024;
  /// WebSocket pings are sent after half of this without traffic; no answer by
  /// the whole of it closes the connection.
  std::chrono::seconds websocket_idle_timeout{60};
};

/// Listens on one host and serves its connections on one I/O thread: the one
/// that runs `io`. Constructed, started and stopped on any thread, destroyed
/// after `io` has stopped.
class http_server {
public:
  http_server(boost::asio::io_context& io, std::shared_ptr<request_handler> handler, transport_limits limits,
              transport_observer observer);
  ~http_server();

  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  /// Binds and starts to accept; port 0 takes a free one. `host` is a numeric address, or
  /// `localhost` for both of its own, which then have the same port; that a host has no
  /// IPv6, or no IPv4, is no error. With `shared`, several
  /// servers of this process may listen on the port, and the kernel spreads the
  /// connections over them.
  std::error_code listen(const std::string& host, std::uint16_t port, bool shared = false);

  /// The bound port, once `listen` has succeeded.
  [[nodiscard]] std::uint16_t port() const noexcept;

  /// Accepts no more, closes every WebSocket with 1012 (service restart), ends
  /// idle connections, lets requests in progress be answered (with `Connection:
  /// close`), and drops what is left after `grace`. `done` is called on the I/O
  /// thread once no connection is left.
  void stop(std::chrono::milliseconds grace, std::function<void()> done);

private:
  class impl;
  std::shared_ptr<impl> impl_;
};

} // namespace troupe
