#pragma once

#include "actors/remote/outbound.hpp"
#include "gateway/outbound/addresses/address_policy.hpp"
#include "gateway/outbound/addresses/name_lookup.hpp"
#include "gateway/outbound/addresses/proxy.hpp"
#include "gateway/outbound/call_queue.hpp"
#include "gateway/outbound/config.hpp"
#include "gateway/outbound/connection_pool.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe {

class outbound_call;

/// What the calls of one client share. It owns them until they end. All of it belongs
/// to the I/O thread, but for `stats`.
class outbound_core {
public:
  outbound_core(boost::asio::io_context& io, const outbound_config& config);
  ~outbound_core();

  outbound_core(const outbound_core&) = delete;
  outbound_core& operator=(const outbound_core&) = delete;

  // -- calls ------------------------------------------------------------------------

  void start(std::uint64_t number, outbound_request request, std::shared_ptr<outbound_listener> listener);
  /// False if there is no such call.
  bool cancel(std::uint64_t number);
  /// For the call itself: whether it may begin, or waits until `outbound_call::begin`.
  call_queue::verdict enter(std::uint64_t number, outbound_share share, const std::string& target);
  [[nodiscard]] const call_bounds& bounds(outbound_share share) const noexcept;
  /// For the call itself: it has ended.
  void remove(std::uint64_t number, outbound_share share);

  /// Ends all calls without a word and closes every connection. The I/O context has
  /// stopped.
  void close();

  // -- for calls --------------------------------------------------------------------

  [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }
  [[nodiscard]] const address_policy& policy() const noexcept { return policy_; }
  [[nodiscard]] const proxy_settings& proxies() const noexcept { return proxies_; }
  [[nodiscard]] name_lookup& names() noexcept { return names_; }
  [[nodiscard]] connection_pool& pool() noexcept { return pool_; }
  /// Null if TLS cannot be set up; `tls_problem` is then a sentence that says why.
  [[nodiscard]] boost::asio::ssl::context* tls();
  [[nodiscard]] const std::string& tls_problem() const noexcept { return tls_problem_; }
  /// Room for one read.
  [[nodiscard]] std::span<char> scratch() noexcept { return scratch_; }

  void count_connection() noexcept { ++connections_opened_; }
  void count_request(bool reused) noexcept;

  [[nodiscard]] outbound_stats stats() const noexcept;

private:
  void set_up_tls();
  [[nodiscard]] call_queue& turns(outbound_share share) noexcept;

  boost::asio::io_context& io_;
  outbound_config config_;
  call_queue models_;
  call_queue requests_of_tools_;
  call_queue streams_;
  address_policy policy_;
  proxy_settings proxies_;
  std::unique_ptr<boost::asio::ssl::context> tls_;
  std::string tls_problem_;
  std::vector<char> scratch_;
  name_lookup names_;
  connection_pool pool_;
  std::unordered_map<std::uint64_t, std::shared_ptr<outbound_call>> calls_;
  std::atomic<std::uint64_t> connections_opened_ = 0;
  std::atomic<std::uint64_t> requests_ = 0;
  std::atomic<std::uint64_t> reused_ = 0;
};

} // namespace troupe
