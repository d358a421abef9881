#pragma once

#include "gateway/outbound/connection.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Connections that have served a request and may serve another one. They are read
/// from while they lie here: one that ends, or says something, is let go at once.
/// Used on the I/O thread only.
class connection_pool final : private connection_reader {
public:
  /// Of one key at most `max_idle` are kept, of all together `max_sum`, where the oldest
  /// gives way; each for `idle_time`.
  connection_pool(boost::asio::io_context& io, std::size_t max_idle, std::size_t max_sum,
                  std::chrono::milliseconds idle_time);
  ~connection_pool() override;

  connection_pool(const connection_pool&) = delete;
  connection_pool& operator=(const connection_pool&) = delete;

  /// The connection for `key` that was used last; null for none.
  std::shared_ptr<outbound_connection> take(const std::string& key);
  void put(std::shared_ptr<outbound_connection> connection);

  void close();

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
  using clock = std::chrono::steady_clock;

  struct entry {
    std::shared_ptr<outbound_connection> connection;
    clock::time_point since;
  };

  void on_bytes(outbound_connection& from, std::string_view bytes) override;
  void on_closed(outbound_connection& from, const boost::system::error_code& why) override;
  void remove(outbound_connection& connection);
  void drop_oldest();
  void wait();
  void sweep();

  std::size_t max_idle_;
  std::size_t max_sum_;
  std::size_t size_ = 0;
  std::chrono::milliseconds idle_time_;
  io_timer timer_;
  bool waiting_ = false;
  /// Under each key the one that was used last is the last.
  std::unordered_map<std::string, std::vector<entry>> idle_;
};

} // namespace troupe
