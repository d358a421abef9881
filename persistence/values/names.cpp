#include "persistence/values/names.hpp"

#include <algorithm>

namespace troupe {

bool is_valid_name(std::string_view text) noexcept {
  const auto is_allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_'
           || c == '-';
  };
  return !text.empty() && text.size() <= max_name_length && text.front() != '.'
         && std::all_of(text.begin(), text.end(), is_allowed);
}

} // namespace troupe
