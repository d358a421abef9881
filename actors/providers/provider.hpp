#pragma once

#include "actors/providers/model_traits.hpp"
#include "actors/providers/wait_hint.hpp"
#include "actors/remote/outbound.hpp"
#include "actors/remote/sse.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/records.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// A provider's protocol: how a conversation becomes a request, and the answer, as it
/// streams in, becomes text, tool calls and usage. Pure; actors/models/remote_call
/// sends the one and feeds the other. What a provider sends is untrusted: whatever is
/// wrong with it becomes a `provider_failure`, and nothing throws.
namespace troupe {

/// A tool as the model is told of it.
struct tool_definition {
  /// `[A-Za-z0-9_-]`, at most 64.
  std::string name;
  std::string description;
  /// A JSON Schema of the arguments, as text; empty for any object.
  std::string parameters;

  bool operator==(const tool_definition&) const = default;
};

/// What a request is made of.
struct prompt {
  const model_record& model;
  const bot_record& bot;
  /// What the model is shown of the thread, this task's messages last.
  std::span<const message_record> history;
  std::span<const tool_definition> tools;
  /// What the model is known to take and to want.
  model_traits traits{};
};

/// A piece of an answer.
struct answer_delta {
  std::string text;
  std::string thinking;

  [[nodiscard]] bool empty() const noexcept { return text.empty() && thinking.empty(); }
};

/// A whole answer.
struct provider_answer {
  std::string text;
  /// `provider_id` may be empty or not unique, `call_id` is empty; `arguments` are as the
  /// model wrote them, which need be no JSON, and empty if it wrote none.
  std::vector<tool_call> calls;
  /// See `message_record::replay`.
  std::string replay;
  /// `stop`, `length`, `tool_calls`, or what else the provider says.
  std::string finish_reason = "stop";
  /// None if the provider did not say.
  std::optional<std::int64_t> input_tokens;
  std::optional<std::int64_t> output_tokens;
};

/// Why there is none.
struct provider_failure {
  error_class kind = error_class::transient;
  /// A sentence; holds what the provider said, shortened, and no secret.
  std::string error;
  /// How long the provider asks to wait; throttled, and 503, only.
  std::optional<std::chrono::milliseconds> retry_after;
  /// If this is how the answer ended.
  std::optional<finish_reason> finish{};
  /// Of an error within a stream, the HTTP status that it names; else 0.
  unsigned status = 0;
  /// How much of `error`, from its beginning, are this program's own words. What follows was
  /// said by somebody else and may cite a prompt or a key: it is never logged.
  std::size_t own_words = logging::all_own;
};

/// Puts an answer together from the events of its stream.
class answer_reader {
public:
  virtual ~answer_reader() = default;

  /// Takes the next event in and appends to `delta` what it adds. A failure if it
  /// says that there will be no answer, or cannot be read.
  virtual std::optional<provider_failure> read(const sse_event& event, answer_delta& delta) = 0;

  /// True once the stream has said that it is over; what follows is ignored. A finish
  /// reason is no such word: some servers send one with each chunk
  /// (open-webui/open-webui#16377).
  [[nodiscard]] virtual bool ended() const noexcept = 0;

  /// The stream is over, by its word or by its end: a failure if what came is no answer.
  [[nodiscard]] virtual std::optional<provider_failure> close() = 0;

  /// The answer so far: whole once `close` has said nothing.
  [[nodiscard]] virtual const provider_answer& answer() const noexcept = 0;
};

class provider {
public:
  virtual ~provider() = default;

  /// The request for the next turn, to be streamed. `key` may be empty. Timeouts are
  /// the caller's to set.
  [[nodiscard]] virtual outbound_request request(const prompt& what, std::string_view key) const = 0;

  [[nodiscard]] virtual std::unique_ptr<answer_reader> reader() const = 0;

  /// Reads an answer that came in one piece although a stream was asked for: a server
  /// that does not stream.
  virtual std::optional<provider_failure> read_whole(std::string_view body, provider_answer& answer) const = 0;

  /// What an answer with an error status means (design, section 4): 429, 529 and
  /// whatever says Retry-After is throttled; 408, 409, 425 and 5xx are transient;
  /// other 4xx and refused content are permanent. An exhausted quota, which no wait of
  /// minutes mends, is permanent although it comes as 429.
  [[nodiscard]] virtual provider_failure failure_of(const outbound_head& head, std::string_view body,
                                                    timestamp at) const = 0;
};

/// `kind` must not be `builtin`.
const provider& provider_of(model_kind kind);

/// What all providers have in common.
namespace providers {

/// Joins a base URL and a path with exactly one slash between them.
std::string join_url(std::string_view base, std::string_view path);

/// A rough count where the provider gives none: about four bytes a token, at least 1
/// unless the text is empty.
std::int64_t estimate_tokens(std::string_view text) noexcept;

} // namespace providers

} // namespace troupe
