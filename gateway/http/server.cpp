#include "gateway/http/server.hpp"

#include "config/addresses.hpp"
#include "gateway/http/closing_connection.hpp"
#include "gateway/http/response_head.hpp"
#include "gateway/http/server_core.hpp"
#include "gateway/http/session.hpp"
#include "gateway/requests/problem.hpp"
#include "gateway/requests/request_id.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>

#include <utility>
#include <vector>

namespace troupe {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using tcp_acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;

/// Connections accepted in one turn.
constexpr int accept_batch = 16;

/// Refusals that may be under way beyond the limit; past it connections are closed
/// without a word.
constexpr std::size_t refusal_allowance = 256;

/// How long accepting rests when the process is out of descriptors or memory.
constexpr std::chrono::milliseconds accept_pause{100};

/// A free port that is taken on a host's other address is given up for another one, so
/// often.
constexpr int free_port_tries = 32;

/// This host knows no such addresses, or has none.
bool is_missing_family(const boost::system::error_code& error) {
  return error == asio::error::address_family_not_supported || error == boost::system::errc::address_not_available
         || error == boost::system::errc::protocol_not_supported;
}

bool is_shortage(const boost::system::error_code& error) {
  return error == asio::error::no_descriptors || error == boost::system::errc::too_many_files_open_in_system
         || error == asio::error::no_buffer_space || error == asio::error::no_memory;
}

} // namespace

/// The acceptors; what they accept belongs to the core.
class http_server::impl : public std::enable_shared_from_this<impl> {
public:
  impl(asio::io_context& io, std::shared_ptr<request_handler> handler, transport_limits limits,
       transport_observer observer)
    : core_(std::make_shared<server_core>(io, std::move(handler), limits, std::move(observer))) {}

  std::error_code listen(const std::string& host, std::uint16_t port, bool shared) {
    const auto addresses = loopback_addresses(host);
    auto error = listen_on(addresses, port, shared);
    for (int i = 1; i < free_port_tries && port == 0 && addresses.size() > 1 && error == asio::error::address_in_use;
         ++i)
      error = listen_on(addresses, port, shared);
    if (error)
      return error;
    asio::post(core_->io(), [self = shared_from_this()] {
      self->core_->start();
      for (std::size_t i = 0; i < self->listeners_.size(); ++i)
        self->wait(i);
    });
    return {};
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  void stop(std::chrono::milliseconds grace, std::function<void()> done) {
    asio::post(core_->io(), [self = shared_from_this(), grace, done = std::move(done)]() mutable {
      boost::system::error_code ignored;
      for (auto& each : self->listeners_) {
        each.acceptor.close(ignored);
        each.pause.cancel();
      }
      self->core_->stop(grace, std::move(done));
    });
  }

  void close() {
    listeners_.clear();
    core_->close();
  }

private:
  /// One address that is listened on.
  struct listener {
    explicit listener(asio::io_context& io) : acceptor(io), pause(io) {}

    tcp_acceptor acceptor;
    io_timer pause;
  };

  /// All of them on one port, but for those of a family that this host does not have.
  boost::system::error_code listen_on(const std::vector<std::string>& addresses, std::uint16_t port, bool shared) {
    boost::system::error_code missing;
    listeners_.clear();
    for (const auto& each : addresses) {
      boost::system::error_code error;
      const auto address = asio::ip::make_address(each, error);
      listener fresh{core_->io()};
      if (!error)
        open(fresh.acceptor, {address, listeners_.empty() ? port : port_}, shared, error);
      if (error && (addresses.size() == 1 || !is_missing_family(error))) {
        listeners_.clear();
        return error;
      }
      if (error) {
        missing = error;
        continue;
      }
      port_ = fresh.acceptor.local_endpoint(error).port();
      listeners_.push_back(std::move(fresh));
    }
    return listeners_.empty() ? missing : boost::system::error_code{};
  }

  static void open(tcp_acceptor& acceptor, const tcp::endpoint& endpoint, bool shared,
                   boost::system::error_code& error) {
    acceptor.open(endpoint.protocol(), error);
    if (!error)
      acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error && endpoint.address().is_v6())
      acceptor.set_option(asio::ip::v6_only(true), error);
    if (!error && shared)
      acceptor.set_option(asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>(true), error);
    if (!error)
      acceptor.bind(endpoint, error);
    if (!error)
      acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error)
      acceptor.non_blocking(true, error);
  }

  void wait(std::size_t which) {
    if (which >= listeners_.size() || !listeners_[which].acceptor.is_open())
      return;
    listeners_[which].acceptor.async_wait(tcp_acceptor::wait_read,
                                          [self = shared_from_this(), which](const boost::system::error_code& error) {
                                            if (!error)
                                              self->accept(which);
                                          });
  }

  void accept(std::size_t which) {
    for (int i = 0; i < accept_batch; ++i) {
      tcp_socket socket{core_->io()};
      boost::system::error_code error;
      listeners_[which].acceptor.accept(socket, error);
      if (is_shortage(error))
        return rest(which);
      if (error == asio::error::would_block || error == asio::error::bad_descriptor)
        break;
      // Any other error is of that one connection, which has gone already.
      if (!error)
        take(std::move(socket));
    }
    wait(which);
  }

  /// Trying again at once would only burn the processor.
  void rest(std::size_t which) {
    auto& pause = listeners_[which].pause;
    pause.expires_after(accept_pause);
    pause.async_wait([self = shared_from_this(), which](const boost::system::error_code& error) {
      if (!error)
        self->wait(which);
    });
  }

  void take(tcp_socket socket) {
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const auto open = core_->connections();
    if (open >= core_->limits().connections)
      return open < core_->limits().connections + refusal_allowance ? refuse(std::move(socket)) : void();
    auto session = std::make_shared<http_session>(core_, std::move(socket));
    core_->add(session);
    session->start();
  }

  void refuse(tcp_socket socket) {
    auto response = core_->handler().refusal(503, "The server has as many connections as it takes.");
    http_request unread;
    unread.id = make_request_id();
    add_request_id(response, unread.id);
    access_trail access;
    access.begin(core_->observer().access, unread, [&socket] { return client_address(socket); });
    access.answered(response.status, response.body.size());
    access.end();
    std::string bytes;
    append_response_head(bytes, response,
                         {.date_line = core_->date_line(),
                          .content_length = response.body.size(),
                          .chunked = false,
                          .keep_alive = false,
                          .http_1_0 = false,
                          .request_id = unread.id});
    bytes += response.body;
    output_queue queue;
    queue.push(bytes);
    auto last = std::make_shared<closing_connection>(core_, std::move(socket), std::move(queue));
    core_->add(last);
    last->start();
  }

  std::shared_ptr<server_core> core_;
  std::vector<listener> listeners_;
  std::uint16_t port_ = 0;
};

http_server::http_server(asio::io_context& io, std::shared_ptr<request_handler> handler, transport_limits limits,
                         transport_observer observer)
  : impl_(std::make_shared<impl>(io, std::move(handler), limits, std::move(observer))) {}

http_server::~http_server() {
  impl_->close();
}

std::error_code http_server::listen(const std::string& host, std::uint16_t port, bool shared) {
  return impl_->listen(host, port, shared);
}

std::uint16_t http_server::port() const noexcept {
  return impl_->port();
}

void http_server::stop(std::chrono::milliseconds grace, std::function<void()> done) {
  impl_->stop(grace, std::move(done));
}

} // namespace troupe
