#pragma once

#include "tests/eventually.hpp"
#include "tests/providers/scripted_mcp.hpp"
#include "tests/providers/scripted_reply.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A model provider, some HTTP tools and an MCP server on one port of the loopback
/// interface, in the test's own process, that do what the test says:
///
///     scripted_provider provider{[](const seen_request& request) {
///       return request.number_at_path == 1 ? script::status(503) : script::say("At last.", 20ms);
///     }};
///     // base_url of a model of kind openai or anthropic: provider.url("/v1")
///
/// - `POST …/chat/completions` is OpenAI's chat completions, `POST …/messages` Anthropic's
///   messages, streamed or not as the request asks.
/// - `/mcp` is an MCP server (tests/providers/scripted_mcp.hpp).
/// - `/count/<name>` is a tool that counts: `{"count": n, "args": <body>}`, where n is how
///   often this name was called with this Idempotency-Key, or without one with this body.
/// - Any other path is a tool that gives back what it was asked: `{"method", "path", "query",
///   "args"}`.
///
/// The test's handler is asked for every request, on the provider's thread, and must not
/// wait. A model's answer (`say`, `chunks`, `call_tools`, `think`) that it has for a path
/// without a model is passed over for the usual one, so that a test which scripts a model
/// need not mind its tools. A handler that throws answers 500.
///
/// One thread serves everything; ten thousand streams at 50 ms a word are within it. Whoever
/// opens so many raises the limit on descriptors first.
namespace troupe {

/// What a provider has counted.
struct provider_counts {
  std::size_t requests = 0;
  std::size_t connections_accepted = 0;
  std::size_t connections_open = 0;
  /// Requests to a model that are not answered to the end, streamed or not.
  std::size_t answers_open = 0;
  std::size_t most_answers_open = 0;
};

/// The peer hung up before its answer was whole.
struct abandoned_request {
  std::size_t number = 0;
  std::size_t connection = 0;
  std::string path;
  std::chrono::steady_clock::time_point arrived;
  std::chrono::steady_clock::time_point closed;
};

class scripted_provider {
public:
  using handler = std::function<script::reply(const seen_request&)>;

  /// Without a handler, a model converses (`script::converse`). A port of 0 is any free one.
  explicit scripted_provider(handler answer = {}, std::uint16_t port = 0);
  ~scripted_provider();

  scripted_provider(const scripted_provider&) = delete;
  scripted_provider& operator=(const scripted_provider&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;
  /// `http://127.0.0.1:<port>` and `path`.
  [[nodiscard]] std::string url(std::string_view path = {}) const;

  // -- what it does; from any thread ------------------------------------------------

  void answer_with(handler answer);

  /// The next request starts a time of `duration` in which everybody is answered 429, with
  /// `retry_after` as Retry-After (in whole seconds, rounded up) and, where that is not
  /// the same, as retry-after-ms. Without `retry_after` it does not say.
  void throttle_for(std::chrono::milliseconds duration,
                    std::optional<std::chrono::milliseconds> retry_after = std::nullopt);

  [[nodiscard]] script::mcp_server& mcp() noexcept;

  /// Requests are kept unless a load of them is to come.
  void keep_requests(bool keep);

  // -- what it has seen; from any thread ---------------------------------------------

  /// In the order of their arrival; of one path if it is named.
  [[nodiscard]] std::vector<seen_request> requests(std::string_view path = {}) const;
  [[nodiscard]] std::map<std::string, std::size_t> requests_by_path() const;
  [[nodiscard]] provider_counts counts() const;

  /// How often `/count/<name>` was called with each Idempotency-Key, or without one with
  /// each body.
  [[nodiscard]] std::map<std::string, std::size_t> tool_calls(const std::string& name) const;

  [[nodiscard]] std::vector<abandoned_request> abandoned() const;

  /// Waits until so many requests have arrived.
  bool wait_for_requests(std::size_t count, std::chrono::milliseconds limit = patience) const;

  /// Waits until the peer has hung up on `count` answers that were not whole (`hang`,
  /// `hang_after`, a stream under way), and returns the last of these.
  [[nodiscard]] std::optional<abandoned_request> wait_until_closed(std::chrono::milliseconds limit = patience,
                                                                   std::size_t count = 1) const;

private:
  class core;
  std::unique_ptr<core> core_;
};

} // namespace troupe
