#pragma once

#include "tests/providers/node_server.hpp"
#include "tests/temporary_folder.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The npm package @copilotkit/aimock (tests/providers/package.json), a mock of OpenAI,
/// Anthropic and others that shares no code with this project: what it says on the wire is
/// somebody else's reading of these protocols. `./dev test` installs it in build/tools/node.
///
/// It answers what the first fixture that matches says, and 404 if none does:
///
///     {"fixtures": [{"match": {…}, "response": {…}, <how it is sent>}, …]}
///
/// `match`: all that is named must hold; `{}` matches everything.
///     "userMessage": "hello"      part of the last user message
///     "systemMessage": "Oslo"     part of the system prompt
///     "model": "m"                the model asked for
///     "toolName": "get_weather"   a tool of that name is offered
///     "hasToolResult": true       tool results follow the last user message; false: none do
///     "toolCallId": "call_1"      the last message is the result of this call
///     "toolResultContains": "x"   the last message is a tool result that has this in it
///     "sequenceIndex": 0          so often before was a request answered by this fixture, or by
///                                 one that differs in this index alone
///
/// `response`: one of
///     {"content": "Hi there.", "reasoning": "Hm."}
///     {"toolCalls": [{"name": "get_weather", "arguments": {"city": "Oslo"}, "id": "call_1"}]}
///     {"content": "…", "toolCalls": […]}
///     {"error": {"message": "slow down", "type": "rate_limit_error"}, "status": 429, "retryAfter": 2}
///     {"error": {"message": "oh", "type": "server_error"}, "status": 500}
/// With the first three, "usage": {"prompt_tokens": 3, "completion_tokens": 7} and
/// "finishReason": "length" may stand beside them, in these names for Anthropic too, whose
/// usage is 0 otherwise. A 429 always has Retry-After (1 by default), and besides it
/// `x-ratelimit-remaining-tokens: 0` with a reset of six minutes.
///
/// How it is sent, beside `response`:
///     "chunkSize": 5, "latency": 20                      characters, milliseconds between chunks
///     "streamingProfile": {"ttft": 200, "tps": 40, "jitter": 0.1}
///     "truncateAfterChunks": 3                           the connection is cut after so many events; without a
///                                                        latency the client sees none of them
///     "disconnectAfterMs": 100                           the same after a time
///     "chaos": {"disconnectRate": 1}                     the connection is cut before the answer
///     "chaos": {"malformedRate": 1}                      200 with a body that is no JSON
///     "chaos": {"dropRate": 1} / {"rateLimitRate": 1}    500 / 429
///     "chaos": {"latencyMs": 500}                        the answer starts late
///
/// Errors twice and then an answer, for one client at a time:
///     {"fixtures": [
///       {"match": {"userMessage": "again", "sequenceIndex": 0}, "response": {"error": {…}, "status": 429}},
///       {"match": {"userMessage": "again", "sequenceIndex": 1}, "response": {"error": {…}, "status": 500}},
///       {"match": {"userMessage": "again"}, "response": {"content": "At last."}}]}
///
/// It keeps connections alive for 5 s, those of its event streams also if the client asked to close.
namespace troupe {

class aimock {
public:
  /// Starts it with the fixtures (JSON) and returns once it answers. `flags` are those of
  /// its command line: `--chaos-disconnect 0.2`, `--chaos-latency 100`, `--latency 20`.
  /// Throws std::runtime_error with what it wrote if it does not come up.
  explicit aimock(const std::string& fixtures, const std::vector<std::string>& flags = {});

  [[nodiscard]] std::uint16_t port() const noexcept { return server_.port(); }
  /// `http://127.0.0.1:<port>` and `path`; the base URL of a model is `url("/v1")`.
  [[nodiscard]] std::string url(std::string_view path = {}) const { return server_.url(path); }

  /// What it was asked, in order: objects with `method`, `path`, `headers`, `body`,
  /// `response.status` and `timestamp` (Unix milliseconds). It remembers the last thousand.
  [[nodiscard]] nlohmann::json journal() const;

private:
  temporary_folder folder_;
  node_server server_;
};

} // namespace troupe
