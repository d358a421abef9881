#pragma once

#include "persistence/records.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

/// How the actors ask for something over the network, without knowing how that is
/// done: providers and tools are reached through this interface, which the layer
/// above implements on Asio (gateway/outbound), and tests by a script. Knows no actor.
///
/// A call is started from any thread. What comes of it is told to its listener, on a
/// thread of the implementation's: a listener passes it on to its actor and returns.
namespace troupe {

/// Whose share of a node's connections a call uses. None of them can take another's.
enum class outbound_share : std::uint8_t {
  /// A turn of a model, which has limits of its own.
  model,
  /// A call of a tool, and whatever else somebody waits for.
  call,
  /// A stream that stays open to listen. It never waits: if there is no room it fails at once.
  stream,
};

struct outbound_timeouts {
  /// Waiting for a turn, where many calls are under way.
  std::chrono::milliseconds turn{30'000};
  /// Looking the name up, connecting, and TLS.
  std::chrono::milliseconds connect{10'000};
  /// From then until the first part of the answer's body that counts as progress.
  std::chrono::milliseconds first_data{30'000};
  /// Between two such parts.
  std::chrono::milliseconds idle{30'000};
  /// All of it.
  std::chrono::milliseconds total{60'000};
};

struct outbound_request {
  std::string method = "POST";
  /// Absolute, `http` or `https`.
  std::string url;
  /// Those that are the client's own (`is_clients_own_header`) are passed over.
  header_list headers;
  std::string body;
  outbound_timeouts timeouts;
  outbound_share share = outbound_share::call;
  /// A kept connection that the other side has closed or reset before a byte of the answer
  /// came is no failure: the request is made again at once on a new one. Not for requests
  /// that must not be made twice.
  bool repeat_if_dropped = false;
  /// A longer answer is given up.
  std::size_t max_answer = std::size_t{16} * 1024 * 1024;
};

struct outbound_head {
  unsigned status = 0;
  /// Names in lower case.
  header_list headers;

  /// The first value of a header, by its name in lower case; empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
};

/// Why a call brought no whole answer.
enum class outbound_errc : std::uint8_t {
  /// The URL is none, or its target is not allowed. No other try can mend it.
  refused,
  /// The name is not known, or nobody took the connection, or TLS failed. The other
  /// side has not seen the request.
  unreachable,
  /// It took too long; `outbound_failure::sent` says whether the request was under way.
  timed_out,
  /// The connection ended before the answer did.
  cut_off,
  /// What came was no HTTP, or longer than allowed.
  malformed,
  /// This node has as many calls under way as it may, and none ended in time. The other
  /// side has not seen the request, and nothing is known of it.
  busy,
};

struct outbound_failure {
  outbound_errc code = outbound_errc::unreachable;
  /// A sentence that names the host and what was wrong, and holds no secret.
  std::string error;
  /// The request may have reached the other side.
  bool sent = false;
};

/// True for a header that the client writes itself, whatever a request says: Host, framing,
/// connection headers, and those for proxies (RFC 9110, sections 7.2, 7.6, 10.1.1, 11.7 and
/// 12.5.3; RFC 9112, section 6).
bool is_clients_own_header(std::string_view name) noexcept;

/// A node that was busy with other calls is asked again after so long.
inline constexpr std::chrono::milliseconds busy_pause{2'000};

/// Told in this order: a head, data, and `on_end`; or `on_failure` at any point
/// instead of the rest. Nothing may throw.
class outbound_listener {
public:
  virtual ~outbound_listener() = default;

  virtual void on_head(outbound_head head) = 0;
  /// True if this was progress: something more than a sign of life.
  virtual bool on_data(std::string_view part) = 0;
  virtual void on_end() = 0;
  virtual void on_failure(outbound_failure failure) = 0;
};

class outbound_client {
public:
  virtual ~outbound_client() = default;

  /// Starts a call and returns its number. The listener is kept until the call has
  /// ended.
  virtual std::uint64_t start(outbound_request request, std::shared_ptr<outbound_listener> listener) = 0;

  /// Ends a call: its connection is closed, and its listener is told nothing any more,
  /// except for what is under way on another thread. Unknown numbers are passed over.
  virtual void cancel(std::uint64_t call) = 0;
};

} // namespace troupe
