#pragma once

#include "gateway/outbound/addresses/target.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Which calls go through a proxy, as the environment says in the way of curl and
/// others. A proxy is the operator's word: its own address is not judged.
namespace troupe {

/// The variables as they are; empty for none.
struct proxy_environment {
  std::string http_proxy;
  std::string https_proxy;
  std::string no_proxy;
};

/// Reads `http_proxy`, `https_proxy` and `no_proxy`, else the same in capitals. `get`
/// looks a variable up; by default that is `std::getenv`.
proxy_environment read_proxy_environment(const std::function<const char*(const char*)>& get = {});

struct proxy_server {
  std::string host;
  std::uint16_t port = 80;
  /// The value of Proxy-Authorization; empty for none.
  std::string authorization;
  /// A sentence that says why this proxy cannot be used; empty if it can.
  std::string error;

  [[nodiscard]] std::string endpoint() const { return join_host_and_port(host, port); }
};

class proxy_settings {
public:
  /// A proxy is `http://[user:password@]host[:port]`, also without `http://`. NO_PROXY
  /// holds names (and stands for what is below them), addresses, networks as in
  /// `10.0.0.0/8`, each with or without a port, or `*`; with commas or spaces between.
  explicit proxy_settings(const proxy_environment& environment);

  /// The proxy for a target; null for none.
  [[nodiscard]] const proxy_server* proxy_for(const outbound_target& target) const;

private:
  struct exception {
    std::string host;
    std::optional<std::uint16_t> port;
    /// The length of a network's prefix; nothing for names and single addresses.
    std::optional<unsigned> prefix;
  };

  void add_exception(std::string_view entry);
  [[nodiscard]] static bool matches(const exception& entry, const outbound_target& target);

  std::optional<proxy_server> http_;
  std::optional<proxy_server> https_;
  std::vector<exception> exceptions_;
};

} // namespace troupe
