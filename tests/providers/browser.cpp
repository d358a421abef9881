#include "tests/providers/browser.hpp"

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace troupe {

namespace {

/// Where the shell would find it; empty if it would not.
std::string program() {
  const char* path = std::getenv("PATH");
  for (const auto* name : {"chromium", "chromium-browser", "google-chrome"}) {
    std::istringstream folders{path == nullptr ? "" : path};
    for (std::string folder; std::getline(folders, folder, ':');) {
      auto file = (std::filesystem::path{folder} / name).string();
      if (::access(file.c_str(), X_OK) == 0) {
        return file;
      }
    }
  }
  return {};
}

} // namespace

std::string browser::missing() {
  if (program().empty()) {
    return "Chromium is not installed (`./dev test` installs it)";
  }
  return node_server::missing();
}

browser::browser() : server_{"browser.mjs", {program()}} {}

std::string browser::origin(const std::string& host) const {
  return "http://" + host + ":" + std::to_string(server_.port());
}

nlohmann::json browser::run(const std::string& url, const std::string& script, const nlohmann::json& arguments,
                            page what) {
  const auto answer = server_.post(
    "/run", {{"url", url}, {"script", script}, {"arguments", arguments}, {"blank", what == page::blank}});
  if (answer.contains("error")) {
    throw std::runtime_error{"in the browser: " + answer.at("error").get<std::string>()};
  }
  return answer.at("value");
}

} // namespace troupe
