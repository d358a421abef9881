#include "persistence/values/names.hpp"

#include <algorithm>

namespace troupe {

namespace {

bool may_be_in_name(char c) noexcept {
  return is_tool_name_character(c) || c == '.';
}

bool consists_of(std::string_view text, std::size_t longest, bool (*is_allowed)(char) noexcept) noexcept {
  return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), is_allowed);
}

} // namespace

bool is_valid_name(std::string_view text) noexcept {
  return consists_of(text, max_name_length, may_be_in_name) && text.front() != '.';
}

bool is_tool_name_character(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool is_valid_tool_name(std::string_view text) noexcept {
  return consists_of(text, max_tool_name_length, is_tool_name_character);
}

bool is_valid_argument_name(std::string_view text) noexcept {
  return consists_of(text, max_tool_name_length, may_be_in_name);
}

} // namespace troupe
