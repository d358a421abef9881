#pragma once

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace troupe {

/// What Beast can do at best: one I/O thread that gives every request the same
/// prepared answer.
class static_server {
public:
  explicit static_server(const std::string& body);
  ~static_server();

  static_server(const static_server&) = delete;
  static_server& operator=(const static_server&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

private:
  class listener;

  boost::asio::io_context io_{1};
  std::shared_ptr<listener> listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

} // namespace troupe
