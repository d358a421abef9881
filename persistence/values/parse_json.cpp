#include "persistence/values/parse_json.hpp"

#include "persistence/values/json_text.hpp"

#include <nlohmann/json.hpp>

namespace troupe {

bool json_nesting_within(std::string_view text, std::size_t limit) noexcept {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > limit)
        return false;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return true;
}

std::optional<nlohmann::json> parse_json_object(std::string_view text, std::size_t max_depth) {
  if (!json_nesting_within(text, max_depth))
    return std::nullopt;
  auto value = nlohmann::json::parse(text, nullptr, false);
  if (!value.is_object())
    return std::nullopt;
  return value;
}

std::string json_or_string(std::string_view text, std::size_t max_depth) {
  if (json_nesting_within(text, max_depth) && nlohmann::json::accept(text))
    return std::string{text};
  std::string quoted;
  append_json_string(quoted, text);
  return quoted;
}

} // namespace troupe
