#pragma once

#include <nlohmann/json.hpp>

#include <set>
#include <string>
#include <vector>

/// Requests held against what providers refuse, more strictly than any one of them: a body that passes here is taken by
/// all servers of its kind that we know of. Each rule stands beside the document or the public report that it is from
/// (owner/repository#number). Pure: JSON in, sentences out.
namespace troupe::strict {

/// A sentence for each broken rule, beginning with its place; empty if the body is valid.
using violations = std::vector<std::string>;

/// What only a provider itself can judge: which opaque values it made. Those of others must not come to it.
struct known_values {
  std::set<std::string> own;
  std::set<std::string> foreign;
};

/// Any server of chat completions that takes no members of its own: OpenAI's gpt.
violations violations_for_openai(const nlohmann::json& body);

/// Mistral's platform, and the chat templates of its models elsewhere.
violations violations_for_mistral(const nlohmann::json& body);

/// DeepSeek with thinking, which is on unless `thinking.type` is `disabled`. The values are texts of
/// `reasoning_content`; an own answer with calls that came without any is the value "".
violations violations_for_deepseek(const nlohmann::json& body, const known_values& reasoning);

/// Gemini's OpenAI endpoint. The values are those of `extra_content.google.thought_signature`.
violations violations_for_gemini(const nlohmann::json& body, const known_values& signatures);

/// Something that Claude has said.
struct claude_answer {
  /// The body that it answered.
  nlohmann::json request;
  /// Its blocks, as they came.
  nlohmann::json content;
};

/// A model of Anthropic's: how it thinks, and what it has said in this conversation, in that order.
struct claude_memory {
  /// It thinks if the request has no `thinking`, as those of generation 5.5 do.
  bool thinks_by_default = false;
  /// It takes its thinking only behind what stood before it when it was made, as those since Fable 5.1 do.
  bool binds_thinking = true;
  std::vector<claude_answer> answers;
};

/// Anthropic's Messages API.
violations violations_for_claude(const nlohmann::json& body, const claude_memory& memory);

} // namespace troupe::strict
