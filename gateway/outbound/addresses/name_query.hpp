#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <ares.h>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe {

/// One name that is being looked up, by c-ares: in the system's hosts file, then by the name
/// servers of resolv.conf, both A and AAAA. It takes no thread, so that any number of names
/// whose servers do not answer hold back no other one; and has a socket, and therefore a
/// port, of its own, as an answer is believed by these. Owned by `name_lookup`. Used on the I/O thread only.
class name_query final : public std::enable_shared_from_this<name_query> {
public:
  using addresses = std::vector<boost::asio::ip::address>;
  using callback = std::function<void(const boost::system::error_code&, const addresses&)>;

  name_query(boost::asio::io_context& io, std::string name, std::string servers, callback done);
  ~name_query();

  name_query(const name_query&) = delete;
  name_query& operator=(const name_query&) = delete;

  /// The callback comes once, and never before this has returned: after `limit` at the latest.
  void start(std::chrono::milliseconds limit);

private:
  struct watched {
    boost::asio::posix::stream_descriptor descriptor;
    bool wants_read = false;
    bool wants_write = false;
    bool waits_to_read = false;
    bool waits_to_write = false;
  };

  bool open();
  static void on_socket(void* self, ares_socket_t socket, int readable, int writable);
  static void on_answer(void* self, int status, int timeouts, ares_addrinfo* found);

  void watch(ares_socket_t socket, bool read, bool write);
  void wait(ares_socket_t socket, const std::shared_ptr<watched>& which);
  void process(ares_socket_t readable, ares_socket_t writable);
  void set_timer();
  void finish(const boost::system::error_code& error, addresses found);

  boost::asio::io_context& io_;
  std::string name_;
  std::string servers_;
  callback done_;
  ares_channel channel_ = nullptr;
  boost::asio::steady_timer timer_;
  std::chrono::steady_clock::time_point end_{};
  std::unordered_map<ares_socket_t, std::shared_ptr<watched>> sockets_;
};

} // namespace troupe
