#pragma once

#include "actors/remote/sse.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

/// What a model says, and how its provider streams it: the shapes that real ones send, so that a history can be made of
/// answers that were read and not of records that were thought up. Pure.
namespace troupe::strict {

struct spoken_call {
  std::string id;
  std::string name;
  /// As the model wrote them; need be no JSON.
  std::string arguments;
  /// Gemini only; empty for none.
  std::string signature{};
};

/// An answer of chat completions.
struct spoken_answer {
  std::optional<std::string> reasoning{};
  std::string text{};
  /// Gemini only: of the text; empty for none.
  std::string signature{};
  std::vector<spoken_call> calls{};
  /// The limit of tokens has cut it off.
  bool cut = false;
};

/// Chat completions: calls in pieces, `reasoning_content` in its own chunks before the text (DeepSeek, Kimi),
/// signatures as `extra_content` (Gemini).
std::vector<sse_event> stream_of(const spoken_answer& answer);

/// The same with OpenRouter's `reasoning` and `reasoning_details`, the latter in pieces, signed in the last one.
std::vector<sse_event> openrouter_stream_of(const spoken_answer& answer, const std::string& signature);

/// As servers send it that number every call 0 and give each whole, with its arguments as JSON.
std::vector<sse_event> odd_stream_of(const spoken_answer& answer);

/// Anthropic's: blocks `text`, `thinking` (signed in a delta of its own), `redacted_thinking`, `tool_use`.
std::vector<sse_event> anthropic_stream_of(const nlohmann::json& blocks, bool cut);

} // namespace troupe::strict
