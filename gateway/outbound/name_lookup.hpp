#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Looks names up, several at a time: the system's resolver blocks, and Asio's asks it
/// for one name after the other, so that one dead name server would hold up all calls.
/// Each lookup has a thread, which nobody waits for: it may take longer than this
/// object lives. Used on the I/O thread only.
class name_lookup {
public:
  using addresses = std::vector<boost::asio::ip::address>;
  /// Called on the I/O thread, and never before `find` has returned.
  using callback = std::function<void(const boost::system::error_code&, const addresses&)>;

  explicit name_lookup(boost::asio::io_context& io);
  ~name_lookup();

  name_lookup(const name_lookup&) = delete;
  name_lookup& operator=(const name_lookup&) = delete;

  /// In the order in which they should be tried (RFC 6724). Answers are used again for
  /// a few seconds.
  void find(const std::string& name, callback done);

private:
  /// What outlives the object. Without `io` nobody wants answers any more.
  struct way_back {
    std::mutex mutex;
    boost::asio::io_context* io;
  };

  struct answer {
    addresses found;
    std::chrono::steady_clock::time_point at;
  };

  void start(const std::string& name);
  void on_found(const std::string& name, const boost::system::error_code& error, addresses found);

  boost::asio::io_context& io_;
  std::shared_ptr<way_back> way_back_;
  std::unordered_map<std::string, answer> known_;
  std::unordered_map<std::string, std::vector<callback>> asked_;
  std::deque<std::string> waiting_;
  unsigned running_ = 0;
};

} // namespace troupe
