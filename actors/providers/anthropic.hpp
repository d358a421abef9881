#pragma once

#include "actors/providers/provider.hpp"

/// Anthropic's messages (`POST {base_url}/messages`, or `/v1/messages` if the base URL
/// has no path), version 2023-06-01.
///
/// Request: `system`, `messages` as `show_thread` arranges them, in blocks: what the model
/// itself has made in the order in which it came, thinking included, what others have made
/// as text and then `tool_use`; results are `tool_result` blocks of the next user message. `max_tokens` (the bot's,
/// else 4096), `temperature`, `tools` with `input_schema`, `stream: true`; the model's `parameters` replace or add
/// members. `x-api-key` with a key.
///
/// Answer: `message_start` (input tokens, cached ones included), `content_block_start`
/// and `_delta` (`text_delta`, `thinking_delta`, `signature_delta`, `input_json_delta`),
/// `message_delta` (stop reason, output tokens), `message_stop`, `ping`, `error` (an
/// `overloaded_error` and `rate_limit_error` are throttled, `api_error` transient).
/// `stop_reason` `end_turn` and `stop_sequence` are `stop`, `max_tokens` and
/// `model_context_window_exceeded` are `length`,
/// `tool_use` is `tool_calls`, `refusal` is a permanent failure.
namespace troupe {

class anthropic_provider final : public provider {
public:
  [[nodiscard]] outbound_request request(const prompt& what, std::string_view key) const override;
  [[nodiscard]] std::unique_ptr<answer_reader> reader() const override;
  std::optional<provider_failure> read_whole(std::string_view body, provider_answer& answer) const override;
  [[nodiscard]] provider_failure failure_of(const outbound_head& head, std::string_view body,
                                            timestamp at) const override;
};

} // namespace troupe
