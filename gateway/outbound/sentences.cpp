#include "gateway/outbound/sentences.hpp"

#include <cctype>

namespace troupe {

std::string duration_text(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

std::string error_text(const boost::system::error_code& error) {
  auto text = error.message();
  while (text.ends_with('.'))
    text.pop_back();
  // An abbreviation keeps its capitals.
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0)
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

} // namespace troupe
