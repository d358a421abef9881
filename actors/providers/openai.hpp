#pragma once

#include "actors/providers/provider.hpp"

/// Chat completions (`POST {base_url}/chat/completions`), as OpenAI, vLLM, Ollama,
/// llama.cpp, LiteLLM and others serve them.
///
/// Request: `model`, `messages` as `show_thread` arranges them (the system prompt first;
/// assistant messages with `tool_calls`, and what their model wants to see again; `tool`
/// messages in the order of the calls), `stream: true`, `stream_options: {include_usage:
/// true}`, `temperature`, `max_tokens`, `tools`; the model's `parameters` replace or add
/// members, and its traits (`model_traits`) have the last word. `Authorization: Bearer` with a key.
///
/// Answer: `choices[0].delta` with `content`, `tool_calls` (put together by `index`; some
/// servers give none, or whole calls), `reasoning_content` or `reasoning` as thinking,
/// `finish_reason`, `usage` (in a last chunk without choices, or in any); it ends with
/// `[DONE]` or with the stream. An
/// `error` object in the stream is a failure. `refusal` text, and `content_filter`
/// without any text, is permanent.
namespace troupe {

class openai_provider final : public provider {
public:
  [[nodiscard]] outbound_request request(const prompt& what, std::string_view key) const override;
  [[nodiscard]] std::unique_ptr<answer_reader> reader() const override;
  std::optional<provider_failure> read_whole(std::string_view body, provider_answer& answer) const override;
  [[nodiscard]] provider_failure failure_of(const outbound_head& head, std::string_view body,
                                            timestamp at) const override;
};

} // namespace troupe
