#pragma once

#include "actors/remote/sse.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

/// The HTTP client of the commands that call a running server: one thread, one
/// connection a call, a time limit on everything. It knows the API's forms (JSON,
/// problem details, event streams) and none of its paths. What goes wrong is thrown
/// as a `call_error` whose text is for the person at the terminal.
namespace troupe {

/// JSON as the API writes it: the members keep their order.
using api_json = nlohmann::ordered_json;

// -- errors ---------------------------------------------------------------------

enum class call_failure : std::uint8_t {
  /// Nothing took the connection.
  unreachable,
  /// The connection was lost, or the answer did not come in time. What was asked for
  /// may have been done.
  broken,
  /// The server answered that it will not, or cannot.
  refused,
  /// What answered is no Troupe server.
  unintelligible,
};

/// Why a call brought nothing; `what()` is a sentence, or several lines of them.
class call_error : public std::runtime_error {
public:
  call_error(call_failure kind, const std::string& sentence, unsigned status = 0)
    : std::runtime_error{sentence}, kind_{kind}, status_{status} {}

  [[nodiscard]] call_failure kind() const noexcept { return kind_; }
  /// The HTTP status of a refusal, else 0.
  [[nodiscard]] unsigned status() const noexcept { return status_; }
  /// The same call may succeed a little later.
  [[nodiscard]] bool may_pass() const noexcept;

private:
  call_failure kind_;
  unsigned status_;
};

/// What a refusal says, for people: the problem's `detail` (else its `title`), and a
/// line for each of its `errors` that the detail does not hold already. An answer
/// that is no problem document (RFC 9457) is told as its status.
std::string problem_sentence(unsigned status, std::string_view body);

// -- targets ----------------------------------------------------------------------

/// Escapes text for one part of a path or a query (RFC 3986, section 2.1): all but
/// letters, digits, `-`, `.`, `_` and `~`.
std::string percent_encode(std::string_view text);

/// A path with its query, built parameter by parameter.
class request_target {
public:
  explicit request_target(std::string path) : text_{std::move(path)} {}

  /// An empty value is left out.
  request_target& add(std::string_view name, std::string_view value);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
  std::string text_;
  char separator_ = '?';
};

// -- calls ------------------------------------------------------------------------

struct client_timeouts {
  std::chrono::milliseconds connect{5'000};
  /// From the request to the whole answer; the server itself gives up after 30 s.
  std::chrono::milliseconds answer{45'000};
  /// A stream that brings nothing for so long counts as lost.
  std::chrono::milliseconds silence{60'000};
};

/// Where the server is.
struct server_address {
  std::string host;
  std::uint16_t port = 0;

  /// `127.0.0.1:8080`, `[::1]:8080`.
  [[nodiscard]] std::string authority() const;
  /// `http://127.0.0.1:8080`
  [[nodiscard]] std::string url() const;
};

class api_client {
public:
  explicit api_client(server_address address, client_timeouts timeouts = {});

  [[nodiscard]] const server_address& address() const noexcept { return address_; }
  [[nodiscard]] const client_timeouts& timeouts() const noexcept { return timeouts_; }

  /// The document of a 2xx answer; anything else is thrown.
  [[nodiscard]] api_json get(const std::string& target) const;

  /// The same with a body, or without one. A call whose answer was lost is repeated
  /// twice; an idempotency key of its own keeps it from being done twice.
  [[nodiscard]] api_json post(const std::string& target, const api_json& body) const;
  [[nodiscard]] api_json post(const std::string& target) const;

private:
  [[nodiscard]] api_json post_text(const std::string& target, const std::string& body) const;
  [[nodiscard]] api_json call(std::string_view method, const std::string& target, const std::string& body,
                              const std::string& idempotency_key) const;

  server_address address_;
  client_timeouts timeouts_;
};

/// An open stream of server-sent events. Its end, for whatever reason, is only the
/// end of this connection: whoever follows opens another one behind the last event.
class api_stream {
public:
  /// `last_event_id` is where to go on; empty for the beginning.
  api_stream(const api_client& client, const std::string& target, const std::string& last_event_id);
  ~api_stream();

  api_stream(const api_stream&) = delete;
  api_stream& operator=(const api_stream&) = delete;

  /// The next event. Nothing if none has come within `limit`, or if none is left and
  /// the stream is closed.
  std::optional<sse_event> next(std::chrono::milliseconds limit);

  /// False once the connection is gone and every event of it was taken.
  [[nodiscard]] bool is_open() const noexcept;

  /// The server said that nothing will ever come behind `last_event_id` (204).
  [[nodiscard]] bool is_exhausted() const noexcept;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace troupe
