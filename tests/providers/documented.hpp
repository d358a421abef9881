#pragma once

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

/// Configurations of config/OPERATIONS.md, for tests that run them as they stand there.
namespace troupe {

/// The text between "```<language>" and the end of the block: the first one behind the heading; throws if there is
/// none.
inline std::string documented(const std::string& language, const std::string& heading = "# Operations") {
  std::stringstream text;
  text << std::ifstream{TROUPE_SOURCE_DIR "/config/OPERATIONS.md"}.rdbuf();
  const auto guide = text.str();
  const auto mark = "\n```" + language + "\n";
  const auto section = guide.find(heading + "\n");
  const auto begin = section == std::string::npos ? section : guide.find(mark, section);
  const auto end = begin == std::string::npos ? begin : guide.find("\n```", begin + mark.size());
  if (end == std::string::npos)
    throw std::runtime_error{"OPERATIONS.md has no block in " + language + " behind " + heading};
  return guide.substr(begin + mark.size(), end + 1 - begin - mark.size());
}

/// Throws if `what` is not there once: then the test would run something else than it says.
inline void replace(std::string& text, std::string_view what, const std::string& by) {
  const auto at = text.find(what);
  if (at == std::string::npos || text.find(what, at + 1) != std::string::npos)
    throw std::runtime_error{"OPERATIONS.md's configuration should have once: " + std::string{what}};
  text.replace(at, what.size(), by);
}

} // namespace troupe
