#pragma once

#include "persistence/records.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What the `builtin` model does with an input: the directives that stand first in
/// it, and the answer. Pure; the model actor waits, streams and fails as told here.
namespace troupe {

/// How a scripted attempt fails.
enum class scripted_failure : std::uint8_t {
  transient,
  throttled,
  permanent,
  /// Throws inside the actor.
  crash,
};

struct failure_script {
  /// The first so many attempts of the task fail.
  int attempts = 0;
  scripted_failure kind = scripted_failure::transient;
};

struct builtin_script {
  /// Before the first word.
  std::chrono::milliseconds delay{0};
  /// Between words.
  std::chrono::milliseconds pace{0};
  /// The answer has exactly so many words.
  std::optional<int> words;
  std::optional<failure_script> fail;
  /// To be made in one turn before the answer; the n-th has the id `call_<n>`.
  std::vector<tool_call> tools;
  /// The input without its directives.
  std::string text;
};

struct script_error {
  /// A sentence that names the directive and what it must be.
  std::string message;
};

constexpr std::chrono::milliseconds max_script_delay = std::chrono::hours(24);
constexpr std::chrono::milliseconds max_script_pace = std::chrono::seconds(60);
constexpr int max_script_words = 100'000;
constexpr int max_script_failures = 1'000'000;
constexpr std::size_t max_script_tools = 64;

/// Reads the directives, in any order and number, separated by whitespace:
/// `@delay=<ms>`, `@pace=<ms>`, `@words=<n>`, `@fail=<n>:<transient|throttled|
/// permanent|crash>`, `@tool=<name>:<JSON object without spaces>`. Of the same one
/// the last counts, except that each `@tool` is a call. The first word that is none
/// of them begins the text; without directives the text is the whole input. A
/// directive with a wrong value is an error, which no further attempt can mend.
std::variant<builtin_script, script_error> parse_builtin_script(std::string_view input);

/// A tool's answer to one of the script's calls.
struct tool_answer {
  std::string tool;
  /// JSON text.
  std::string result;
};

/// `Echo: <text>` and a line `<tool>: <result>` per answer, where a result with one
/// member is shown as its value alone, and an error as `error: …`. With `words`,
/// instead, a filler of exactly so many words.
std::string builtin_answer(const builtin_script& script, const std::vector<tool_answer>& answers = {});

/// Cuts an answer for streaming: each piece is a word with the whitespace before
/// it, the last one also with what is behind it. The pieces in a row are the answer.
std::vector<std::string> words_of(std::string_view answer);

/// Words separated by whitespace, which is what the model calls tokens; at least 1
/// unless the text is empty.
std::int64_t count_tokens(std::string_view text) noexcept;

} // namespace troupe
