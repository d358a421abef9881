#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace troupe::testing {

/// A name server on a free UDP port of the loopback. It knows the names that it is given
/// (IPv4), says of others that they do not exist, and to those that begin with `slow` it says nothing.
class dns_stub {
public:
  explicit dns_stub(std::map<std::string, std::string> known);
  ~dns_stub();

  dns_stub(const dns_stub&) = delete;
  dns_stub& operator=(const dns_stub&) = delete;

  /// As `outbound_config::name_servers` wants it.
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void learn(const std::string& name, const std::string& address);
  /// How often its IPv4 address was asked for.
  [[nodiscard]] int asked(const std::string& name) const;

private:
  void serve();

  int socket_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> known_;
  std::map<std::string, int> asked_;
  std::thread thread_;
};

} // namespace troupe::testing
