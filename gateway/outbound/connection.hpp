#pragma once

#include "gateway/http/server_core.hpp"
#include "gateway/outbound/message.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

class outbound_connection;

/// Whoever a connection's bytes are for just now. It must let go of the connection, by
/// closing it or passing it on, before it goes itself.
class connection_reader {
public:
  virtual ~connection_reader() = default;

  /// The bytes are there for the length of the call.
  virtual void on_bytes(outbound_connection& from, std::string_view bytes) = 0;
  /// It is closed; `eof` if the peer ended it in due form.
  virtual void on_closed(outbound_connection& from, const boost::system::error_code& why) = 0;
};

/// A socket to another server, with or without TLS. From `read_for` on it reads
/// whether anything is expected or not, so that its end is noticed at once. An idle
/// connection without TLS holds no buffer: what has come is read into one that all
/// share. Kept alive by what is under way on it. Used on the I/O thread only.
class outbound_connection final : public std::enable_shared_from_this<outbound_connection> {
public:
  using callback = std::function<void(const boost::system::error_code&)>;
  using write_callback = std::function<void(const boost::system::error_code&, std::size_t)>;

  /// `key` says what it can be used for; `scratch` is the buffer that all share.
  outbound_connection(boost::asio::io_context& io, std::string key, std::span<char> scratch);

  // -- setting it up; no callback comes once it is closed ---------------------------

  void connect(const boost::asio::ip::tcp::endpoint& to, callback done);
  /// TLS on top, with a certificate for `host`, which is a name or an address.
  void secure(boost::asio::ssl::context& context, const std::string& host, callback done);
  /// What was wrong with the certificate, if that made `secure` fail; else empty.
  [[nodiscard]] std::string certificate_problem() const;

  // -- using it -------------------------------------------------------------------

  /// The message has to stay where it is until `done` is called, which happens in any
  /// case, with the number of bytes that were taken.
  void write(const outbound_message& message, write_callback done);

  void read_for(connection_reader& reader);
  /// What comes is not read any more, until `secure` or `read_for`. To be called from
  /// `on_bytes` only.
  void pause() noexcept { reader_ = nullptr; }

  [[nodiscard]] const std::string& key() const noexcept { return key_; }
  /// True if it is open and nothing has come that is not read yet.
  [[nodiscard]] bool is_quiet();

  /// At once, without a goodbye of TLS.
  void close();

private:
  void receive();
  void on_readable();
  void on_decrypted(std::size_t count);
  void lose(const boost::system::error_code& why);

  using tls_stream = boost::asio::ssl::stream<tcp_socket&>;
  using tls_buffer = std::array<char, std::size_t{8} * 1024>;

  tcp_socket socket_;
  std::string key_;
  std::span<char> scratch_;
  std::unique_ptr<tls_stream> tls_;
  std::unique_ptr<tls_buffer> decrypted_;
  connection_reader* reader_ = nullptr;
  bool receiving_ = false;
  bool closed_ = false;
};

} // namespace troupe
