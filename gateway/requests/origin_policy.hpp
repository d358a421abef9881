#pragma once

#include "config/origins.hpp"
#include "gateway/requests/problem.hpp"
#include "gateway/requests/transport.hpp"

#include <boost/asio/ip/address.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Which pages may talk to this server. Any page in a user's browser can send requests
/// to every address that the browser reaches, loopback included, and what holds it back is
/// what the server says: a browser names the page in `Origin` and the name that was asked for
/// in `Host`, and keeps from the page what it may not read (the Fetch standard, section 3.2).
/// Knows no socket and no actor.
namespace troupe {

struct origin_rules {
  /// Names and addresses, as the setting `http_allowed_hosts` holds them: in small letters,
  /// IPv6 addresses without brackets, no ports.
  std::vector<std::string> allowed_hosts{};
  /// As the setting `cors_origins` holds them: origins, or one `*`.
  std::vector<std::string> cors_origins{};
  /// Whether this host has an address.
  std::function<bool(const boost::asio::ip::address&)> is_own_address{};
  /// The methods of a path, as `Allow` lists them; empty if there is no such path.
  std::function<std::string(std::string_view path)> methods_of{};
};

/// What is said of a request before it is served.
struct origin_judgement {
  /// It is answered with this and goes no further.
  std::optional<problem> refusal{};
  /// Header fields for its answer, whatever that is.
  header_fields fields{};
};

class origin_policy {
public:
  explicit origin_policy(origin_rules rules);

  /// - A `Host` that is neither an address of this host, nor `localhost` or a name below it,
  ///   nor allowed, is refused (421 `misdirected_request`): a name that was made to resolve to
  ///   this host belongs to somebody else's page. Ports make no difference. Without a `Host`, which
  ///   HTTP/1.0 allows and no browser does, there is nothing to judge.
  /// - A page that is neither this server's own nor allowed changes nothing, opens no WebSocket,
  ///   and has no preflight answered (403 `origin_refused`). Its own are those at `http` or `https`
  ///   with the host and port of `Host`: TLS may end at a proxy.
  /// - What such a page reads is answered without the fields that let the browser show it.
  [[nodiscard]] origin_judgement judge(const http_request& request) const;

private:
  enum class page {
    /// None that the request names.
    none,
    own,
    allowed,
    foreign,
  };

  [[nodiscard]] bool is_allowed_host(const authority& host) const;
  [[nodiscard]] page page_of(const http_request& request, const std::optional<authority>& host) const;
  void let_read(const http_request& request, bool is_preflight, header_fields& fields) const;

  origin_rules rules_;
  bool allows_every_origin_ = false;
  std::vector<web_origin> allowed_origins_;
};

} // namespace troupe
