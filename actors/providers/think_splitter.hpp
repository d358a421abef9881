#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Tells thinking from the answer where a server leaves both in the content, as
/// `<think>…</think>` at its very beginning, however the pieces are cut
/// (raullenchai/Rapid-MLX#575, ggml-org/llama.cpp#23320, vllm-project/vllm#51679). The same
/// tag further on is text. Pure.
namespace troupe {

class think_splitter {
public:
  struct pieces {
    std::string text;
    std::string thinking;
  };

  /// The next piece of content; what may still become a tag is held back.
  pieces take(std::string_view content);

  /// The content is over: what was held back.
  pieces finish();

  /// The thinking with its tags and what stands between it and the answer, as it came;
  /// empty if there is none.
  [[nodiscard]] const std::string& prefix() const noexcept { return prefix_; }

private:
  enum class state : std::uint8_t { begin, thinking, behind, text };

  state state_ = state::begin;
  std::string held_;
  std::string prefix_;
};

} // namespace troupe
