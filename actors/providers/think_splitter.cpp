#include "actors/providers/think_splitter.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

constexpr std::string_view opening = "<think>";
constexpr std::string_view closing = "</think>";
constexpr std::string_view blanks = " \t\r\n";

/// How much of the end of `text` may be the beginning of `tag`.
std::size_t tag_begun(std::string_view text, std::string_view tag) noexcept {
  for (auto length = std::min(text.size(), tag.size() - 1); length > 0; --length)
    if (tag.starts_with(text.substr(text.size() - length)))
      return length;
  return 0;
}

} // namespace

think_splitter::pieces think_splitter::take(std::string_view content) {
  pieces out;
  if (state_ == state::text) {
    out.text = content;
    return out;
  }
  held_ += content;
  if (state_ == state::begin) {
    const auto first = std::min(held_.find_first_not_of(blanks), held_.size());
    const auto begun = std::string_view{held_}.substr(first);
    if (begun.size() < opening.size() && opening.starts_with(begun))
      return out;
    if (!begun.starts_with(opening)) {
      state_ = state::text;
      out.text = std::exchange(held_, {});
      return out;
    }
    state_ = state::thinking;
    prefix_ = held_.substr(0, first + opening.size());
    held_.erase(0, prefix_.size());
  }
  if (state_ == state::thinking) {
    const auto end = held_.find(closing);
    const auto length = end == std::string::npos ? held_.size() - tag_begun(held_, closing) : end;
    out.thinking = held_.substr(0, length);
    prefix_ += out.thinking;
    held_.erase(0, length);
    if (end == std::string::npos)
      return out;
    prefix_ += closing;
    held_.erase(0, closing.size());
    state_ = state::behind;
  }
  const auto first = held_.find_first_not_of(blanks);
  prefix_ += held_.substr(0, first);
  if (first == std::string::npos) {
    held_.clear();
    return out;
  }
  state_ = state::text;
  out.text = held_.substr(first);
  held_.clear();
  return out;
}

think_splitter::pieces think_splitter::finish() {
  pieces out;
  if (state_ == state::thinking) {
    prefix_ += held_;
    out.thinking = std::exchange(held_, {});
  } else {
    out.text = std::exchange(held_, {});
  }
  state_ = state::text;
  return out;
}

} // namespace troupe
