#include "gateway/http_server.hpp"

#include "gateway/closing_connection.hpp"
#include "gateway/http_session.hpp"
#include "gateway/problem.hpp"
#include "gateway/request_id.hpp"
#include "gateway/response_head.hpp"
#include "gateway/server_core.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace troupe {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using tcp_acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;

/// Connections accepted in one turn.
constexpr int accept_batch = 64;

/// Refusals that may be under way beyond the limit; past it connections are closed
/// without a word.
constexpr std::size_t refusal_allowance = 256;

/// How long accepting rests when the process is out of descriptors or memory.
constexpr std::chrono::milliseconds accept_pause{100};

bool is_shortage(const boost::system::error_code& error) {
  return error == asio::error::no_descriptors || error == boost::system::errc::too_many_files_open_in_system
         || error == asio::error::no_buffer_space || error == asio::error::no_memory;
}

} // namespace

/// The acceptor; what it accepts belongs to the core.
class http_server::impl : public std::enable_shared_from_this<impl> {
public:
  impl(asio::io_context& io, std::shared_ptr<request_handler> handler, transport_limits limits,
       transport_observer observer)
    : core_(std::make_shared<server_core>(io, std::move(handler), limits, std::move(observer))), acceptor_(io),
      pause_(io) {}

  std::error_code listen(const std::string& host, std::uint16_t port, bool shared) {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
    if (error)
      return error;
    const tcp::endpoint endpoint{address, port};
    acceptor_->open(endpoint.protocol(), error);
    if (!error)
      acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error && shared)
      acceptor_->set_option(asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>(true), error);
    if (!error)
      acceptor_->bind(endpoint, error);
    if (!error)
      acceptor_->listen(asio::socket_base::max_listen_connections, error);
    if (!error)
      acceptor_->non_blocking(true, error);
    if (!error)
      port_ = acceptor_->local_endpoint(error).port();
    if (error) {
      boost::system::error_code ignored;
      acceptor_->close(ignored);
      return error;
    }
    asio::post(core_->io(), [self = shared_from_this()] {
      self->core_->start();
      self->wait();
    });
    return {};
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  void stop(std::chrono::milliseconds grace, std::function<void()> done) {
    asio::post(core_->io(), [self = shared_from_this(), grace, done = std::move(done)]() mutable {
      boost::system::error_code ignored;
      if (self->acceptor_)
        self->acceptor_->close(ignored);
      if (self->pause_)
        self->pause_->cancel();
      self->core_->stop(grace, std::move(done));
    });
  }

  void close() {
    acceptor_.reset();
    pause_.reset();
    core_->close();
  }

private:
  void wait() {
    if (!acceptor_ || !acceptor_->is_open())
      return;
    acceptor_->async_wait(tcp_acceptor::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
      if (!error)
        self->accept();
    });
  }

  void accept() {
    for (int i = 0; i < accept_batch; ++i) {
      tcp_socket socket{core_->io()};
      boost::system::error_code error;
      acceptor_->accept(socket, error);
      if (is_shortage(error))
        return rest();
      if (error == asio::error::would_block || error == asio::error::bad_descriptor)
        break;
      // Any other error is of that one connection, which has gone already.
      if (!error)
        take(std::move(socket));
    }
    wait();
  }

  /// Trying again at once would only burn the processor.
  void rest() {
    pause_->expires_after(accept_pause);
    pause_->async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error)
        self->wait();
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
  std::optional<tcp_acceptor> acceptor_;
  std::optional<io_timer> pause_;
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
