#include "gateway/requests/header_list.hpp"

namespace troupe {

std::vector<std::string_view> field_lines(const boost::beast::http::fields& headers, std::string_view name) {
  std::vector<std::string_view> lines;
  const auto [first, last] = headers.equal_range({name.data(), name.size()});
  for (auto line = first; line != last; ++line)
    lines.emplace_back(line->value().data(), line->value().size());
  return lines;
}

std::vector<std::string_view> split_list(std::string_view value, char separator) {
  std::vector<std::string_view> elements;
  std::size_t begin = 0;
  const auto end_element = [&](std::size_t end) {
    if (const auto element = trim(value.substr(begin, end - begin)); !element.empty())
      elements.push_back(element);
    begin = end + 1;
  };
  bool quoted = false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '"')
      quoted = !quoted;
    else if (quoted && value[i] == '\\')
      ++i;
    else if (!quoted && value[i] == separator)
      end_element(i);
  }
  end_element(value.size());
  return elements;
}

std::string_view trim(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool names_tag(const std::vector<std::string_view>& lines, std::string_view tag) {
  const auto opaque = [](std::string_view text) { return text.starts_with("W/") ? text.substr(2) : text; };
  for (const auto line : lines)
    for (const auto element : split_list(line, ','))
      if (element == "*" || opaque(element) == opaque(tag))
        return true;
  return false;
}

} // namespace troupe
