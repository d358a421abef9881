#pragma once

#include "actors/providers/provider.hpp"
#include "spoken_answer.hpp"
#include "strict_provider.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Threads as they come about: several tasks, several models, each asked with the request that Troupe would make and
/// each answering in its provider's stream; tasks that are completed, fail, are cancelled or are still open. The same
/// seed makes the same thread.
namespace troupe::strict {

/// Who speaks. Only the first five are asked to go on in the end.
enum class voice : std::uint8_t {
  deepseek,
  claude,
  gemini,
  mistral,
  gpt,
  /// OpenRouter: `reasoning_details`.
  openrouter,
  /// A model that speaks Anthropic's protocol and signs its thinking itself (vybestack/llxprt-code#2335).
  kimi,
  /// A small server that makes calls as it likes (omnigent-ai/omnigent#28).
  odd,
};

constexpr std::array<voice, 5> targets{voice::deepseek, voice::claude, voice::gemini, voice::mistral, voice::gpt};

std::string_view to_string(voice who) noexcept;

/// How a thread's Claude thinks.
enum class claude_thinking : std::uint8_t {
  none,
  /// With a budget, before its first call of a turn only.
  by_budget,
  /// With a budget, between calls too.
  interleaved,
  adaptive,
  /// Without being asked, as generation 5.5 does.
  by_default,
};

/// A request that was made on the way.
struct asked_model {
  voice who = voice::gpt;
  nlohmann::json body;
  /// Claude has refused it, since what stands before its thinking has changed; the next one is the same without.
  bool was_refused = false;
};

/// What a model wants to see again of one of its messages.
struct kept_thought {
  voice who = voice::gpt;
  /// DeepSeek: its reasoning, a text. Gemini: pairs of a call's arguments and its signature. OpenRouter: the list of
  /// its `reasoning_details`, each whole. Claude: its blocks.
  nlohmann::json what;
};

struct made_history {
  bot_record bot;
  std::vector<tool_definition> tools;
  std::vector<message_record> messages;
  /// The last task waits for its next answer; otherwise for its next task.
  bool is_open = false;
  /// The most that is shown of it, in tokens.
  std::int64_t window = 1'000'000;
  claude_thinking thinking = claude_thinking::none;
  /// System prompt, tools and window are what they were from the beginning.
  bool prefix_kept = true;

  known_values reasoning;
  known_values signatures;
  claude_memory claude;
  std::vector<asked_model> asked;
  /// Of all messages that are not blank, in their order.
  std::vector<kept_thought> kept;
};

made_history make_history(std::uint64_t seed);

/// A thread of completed tasks with calls, one for each of these, on a bot that stays as it is.
made_history make_history(std::uint64_t seed, std::span<const voice> speakers);

/// The model of a voice, in such a thread.
model_record model_of(voice who, claude_thinking thinking);

/// What Claude says of thinking that stood behind something else when it was made (pydantic/pydantic-ai#7984).
constexpr std::string_view bound_elsewhere
  = "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation. "
    "Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to \"drop_block\".";

/// The body of the request that would be made of a model next.
std::string body_of(const made_history& made, const model_record& model, const model_traits& traits = {});
std::string body_of(const made_history& made, voice who, const model_traits& traits = {});

/// A user's next task, behind whatever has become of the last one.
void add_task(made_history& made, std::string input);

/// The body held against the rules of its provider.
violations violations_of(const made_history& made, voice who, const nlohmann::json& body);

} // namespace troupe::strict
