#include "persistence/values/task_name.hpp"

#include <algorithm>

namespace troupe {

namespace {

/// In code points.
constexpr std::size_t max_default_name_length = 60;

bool is_space(char c) noexcept {
  return c == ' ' || static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

std::string_view without_space(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

/// Drops `@delay=5` and the like from the front.
std::string_view skip_directives(std::string_view line) noexcept {
  for (line = without_space(line); line.starts_with('@');) {
    const auto end = std::min(static_cast<std::size_t>(std::find_if(line.begin(), line.end(), is_space) - line.begin()),
                              line.size());
    if (line.substr(0, end).find('=') == line.npos)
      break;
    line = without_space(line.substr(end));
  }
  return line;
}

/// At most `length` code points, ending with a whole word if the first one fits.
std::string_view cut_at_word(std::string_view line, std::size_t length) noexcept {
  std::size_t end = 0;
  for (std::size_t points = 0; end < line.size(); ++end) {
    const bool starts_code_point = (static_cast<unsigned char>(line[end]) & 0xC0) != 0x80;
    if (starts_code_point && ++points > length)
      break;
  }
  if (end == line.size())
    return line;
  const auto head = line.substr(0, end);
  if (is_space(line[end]))
    return without_space(head);
  const auto space = head.find_last_of(" \t");
  return space == head.npos ? head : without_space(head.substr(0, space));
}

} // namespace

std::string default_task_name(std::string_view input) {
  while (!input.empty()) {
    const auto end = std::min(input.find('\n'), input.size());
    const auto line = skip_directives(input.substr(0, end));
    if (!line.empty()) {
      std::string name{cut_at_word(line, max_default_name_length)};
      std::replace_if(name.begin(), name.end(), is_space, ' ');
      return name;
    }
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return "task";
}

} // namespace troupe
