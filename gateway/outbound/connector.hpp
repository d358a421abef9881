#pragma once

#include "actors/remote/outbound.hpp"
#include "gateway/outbound/connection.hpp"
#include "gateway/outbound/core.hpp"
#include "gateway/outbound/response_reader.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace troupe {

/// Where a call goes, and by which way.
struct outbound_route {
  outbound_target target;
  /// Null for none.
  const proxy_server* proxy = nullptr;

  /// What a connection can be used for again.
  [[nodiscard]] std::string key() const;
};

/// Brings up one connection: looks the name up, tries the addresses that may be called
/// one after the other, has a proxy open its tunnel, and sets up TLS. All of that has
/// one time limit; an address gets its share of what is left, so that one that swallows
/// everything does not hide the others.
class outbound_connector final : public std::enable_shared_from_this<outbound_connector>,
                                 private connection_reader,
                                 private response_sink {
public:
  using result = std::variant<std::shared_ptr<outbound_connection>, outbound_failure>;
  /// Called once, and never from within `start`.
  using callback = std::function<void(result)>;

  outbound_connector(outbound_core& core, std::shared_ptr<const outbound_route> route, std::chrono::milliseconds limit);

  void start(callback done);
  /// No callback comes any more.
  void cancel();

private:
  enum class stage { looking_up, connecting, tunnelling, securing };

  using clock = std::chrono::steady_clock;

  void on_found(const boost::system::error_code& error, const name_lookup::addresses& found);
  void connect_next();
  void on_connected(const boost::system::error_code& error);
  void open_tunnel();
  void secure();
  void on_secured(const boost::system::error_code& error);

  void on_bytes(outbound_connection& from, std::string_view bytes) override;
  void on_closed(outbound_connection& from, const boost::system::error_code& why) override;
  void on_head(outbound_head head) override { tunnel_status_ = head.status; }
  bool on_part(std::string_view) override { return false; }

  void wait_until(clock::time_point due);
  void on_time();
  void fail(outbound_errc code, std::string error);
  void finish(result what);

  /// The host that the connection leads to, for sentences.
  [[nodiscard]] std::string peer() const;

  outbound_core& core_;
  std::shared_ptr<const outbound_route> route_;
  std::chrono::milliseconds limit_;
  clock::time_point deadline_;
  io_timer timer_;
  callback done_;
  stage stage_ = stage::looking_up;
  name_lookup::addresses addresses_;
  std::size_t next_address_ = 0;
  boost::system::error_code last_error_;
  std::shared_ptr<outbound_connection> connection_;
  outbound_message tunnel_message_;
  std::optional<response_reader> tunnel_answer_;
  unsigned tunnel_status_ = 0;
};

} // namespace troupe
