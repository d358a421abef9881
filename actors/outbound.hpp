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

struct outbound_timeouts {
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
  /// Host, framing and connection headers are the implementation's.
  header_list headers;
  std::string body;
  outbound_timeouts timeouts;
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
};

struct outbound_failure {
  outbound_errc code = outbound_errc::unreachable;
  /// A sentence that names the host and what was wrong, and holds no secret.
  std::string error;
  /// The request may have reached the other side.
  bool sent = false;
};

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
