#include "tests/providers/event_source.hpp"

#include "persistence/records.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace troupe {

namespace {

std::filesystem::path tools() {
  return std::filesystem::path{TROUPE_SOURCE_DIR} / "build/tools/node";
}

/// Where the shell would find Node.js; empty if it would not.
std::string node() {
  const char* path = std::getenv("PATH");
  std::istringstream folders{path == nullptr ? "" : path};
  for (std::string folder; std::getline(folders, folder, ':');) {
    auto file = (std::filesystem::path{folder} / "node").string();
    if (::access(file.c_str(), X_OK) == 0)
      return file;
  }
  return {};
}

std::vector<std::string> command(std::uint16_t port, const std::string& target) {
  std::vector<std::string> words{node(), TROUPE_SOURCE_DIR "/tests/providers/event_source.cjs", tools().string(),
                                 "http://127.0.0.1:" + std::to_string(port) + target};
  for (int i = 0; i <= static_cast<int>(event_type::approval_decided); ++i)
    words.emplace_back(to_string(static_cast<event_type>(i)));
  return words;
}

} // namespace

std::string event_source_client::missing() {
  if (node().empty())
    return "Node.js is not installed (`./dev test` installs it)";
  return std::filesystem::exists(tools() / "node_modules/eventsource") ? ""
                                                                       : "eventsource is not installed (`./dev test` "
                                                                         "installs it)";
}

event_source_client::event_source_client(std::uint16_t port, const std::string& target)
  : process_{command(port, target)} {}

std::vector<nlohmann::json> event_source_client::lines() const {
  std::vector<nlohmann::json> found;
  std::istringstream text{process_.output()};
  for (std::string line; std::getline(text, line);)
    if (auto parsed = nlohmann::json::parse(line, nullptr, false); parsed.is_object())
      found.push_back(std::move(parsed));
  return found;
}

int event_source_client::count(const std::string& state) const {
  const auto all = lines();
  return static_cast<int>(
    std::count_if(all.begin(), all.end(), [&](const auto& line) { return line.value("state", "") == state; }));
}

void event_source_client::wait_for(const std::string& state, int times) {
  if (!eventually([&] { return count(state) >= times; }))
    throw std::runtime_error{"the EventSource was not " + state + "; it wrote:\n" + process_.output()};
}

std::vector<nlohmann::json> event_source_client::events() const {
  std::vector<nlohmann::json> found;
  for (auto& line : lines())
    if (line.contains("id") && line.at("data").at("seq").dump() == line.at("id"))
      found.push_back(std::move(line.at("data")));
  return found;
}

} // namespace troupe
