#include "actors/tasks/rules/answer_stream.hpp"

#include "persistence/values/json_text.hpp"

#include <algorithm>

namespace troupe {

namespace {

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(
    std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

} // namespace

std::optional<std::chrono::milliseconds> answer_stream::add(std::string_view text, clock_time now) {
  text_ += text;
  if (waiting_)
    return std::nullopt;
  waiting_ = true;
  if (!last_chunk_ || now - *last_chunk_ >= interval)
    return std::chrono::milliseconds{0};
  return std::chrono::ceil<std::chrono::milliseconds>(*last_chunk_ + interval - now);
}

std::optional<new_event> answer_stream::take_chunk(clock_time now) {
  waiting_ = false;
  if (taken_ == text_.size())
    return std::nullopt;
  const auto fresh = std::string_view{text_}.substr(taken_);
  new_event chunk{type_, R"({"text":)"};
  append_json_string(chunk.data, fresh);
  chunk.data += R"(,"offset":)";
  chunk.data += std::to_string(taken_points_);
  chunk.data += '}';
  taken_points_ += code_points(fresh);
  taken_ = text_.size();
  last_chunk_ = now;
  return chunk;
}

} // namespace troupe
