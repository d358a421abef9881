#pragma once

#include "test_certificates.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace troupe::testing {

/// A request as it came over the wire.
struct stub_request {
  /// The request line and the header, with the empty line.
  std::string head;
  std::string body;
};

/// The server's end of a connection. Reads wait up to ten seconds.
class stub_connection {
public:
  explicit stub_connection(int socket) : socket_{socket} {}
  ~stub_connection();

  stub_connection(const stub_connection&) = delete;
  stub_connection& operator=(const stub_connection&) = delete;

  /// TLS from here on; false if the client does not like it.
  bool secure(const server_identity& identity);

  /// Nothing if the connection ends first.
  std::optional<stub_request> read_request();
  /// Only up to the empty line.
  std::optional<std::string> read_head();
  bool write(std::string_view bytes);

  /// True once the client has closed or reset the connection; reads away what comes.
  bool wait_for_end();
  /// Ends the connection in due form.
  void close();
  /// Ends it with a reset.
  void reset();

private:
  friend class provider_stub;

  bool fill();
  void shut_down();

  int socket_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, SSL_free};
  std::string received_;
};

/// A server on a free port of the loopback that does with each connection what a
/// script says. Scripts run on a thread per connection.
class provider_stub {
public:
  using script = std::function<void(stub_connection&)>;

  explicit provider_stub(script on_connection);
  /// Cuts all connections and waits for the scripts.
  ~provider_stub();

  provider_stub(const provider_stub&) = delete;
  provider_stub& operator=(const provider_stub&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// Taken so far.
  [[nodiscard]] int connections() const noexcept { return connections_; }

private:
  struct peer {
    std::unique_ptr<stub_connection> connection;
    std::thread thread;
  };

  void accept();

  script script_;
  int listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::list<peer> peers_;
  std::thread acceptor_;
};

} // namespace troupe::testing
