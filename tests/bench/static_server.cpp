#include "tests/bench/static_server.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <optional>

namespace troupe {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {

using response = http::response<http::string_body>;

class connection : public std::enable_shared_from_this<connection> {
public:
  connection(asio::ip::tcp::socket socket, const response& answer) : stream_{std::move(socket)}, answer_{answer} {
    stream_.socket().set_option(asio::ip::tcp::no_delay{true});
  }

  void read() {
    parser_.emplace();
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
      if (!error) {
        self->write();
      }
    });
  }

private:
  void write() {
    http::async_write(stream_, answer_, [self = shared_from_this()](error_code error, std::size_t) {
      if (!error) {
        self->read();
      }
    });
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::empty_body>> parser_;
  response answer_;
};

} // namespace

class static_server::listener {
public:
  listener(asio::io_context& io, const std::string& body)
    : acceptor_{io, {asio::ip::address_v4::loopback(), 0}}, answer_{http::status::ok, 11, body} {
    answer_.set(http::field::content_type, "application/json");
    answer_.prepare_payload();
    accept();
  }

  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
  void accept() {
    acceptor_.async_accept([this](error_code error, asio::ip::tcp::socket socket) {
      if (!error) {
        std::make_shared<connection>(std::move(socket), answer_)->read();
        accept();
      }
    });
  }

  asio::ip::tcp::acceptor acceptor_;
  response answer_;
};

static_server::static_server(const std::string& body)
  : listener_{std::make_shared<listener>(io_, body)}, port_{listener_->port()}, thread_{[this] { io_.run(); }} {}

static_server::~static_server() {
  io_.stop();
  thread_.join();
}

} // namespace troupe
