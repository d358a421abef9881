#include "tests/providers/aimock.hpp"

#include <fstream>

namespace troupe {

namespace {

std::vector<std::string> arguments(const std::string& file, const std::string& fixtures,
                                   const std::vector<std::string>& flags) {
  std::ofstream{file} << fixtures;
  std::vector<std::string> all{"--validate-on-load", "--fixtures", file};
  all.insert(all.end(), flags.begin(), flags.end());
  return all;
}

} // namespace

// The CommonJS build: the other one does not load in the Node.js of Debian 12.
aimock::aimock(const std::string& fixtures, const std::vector<std::string>& flags)
  : server_{"node_modules/@copilotkit/aimock/dist/cli.cjs", arguments(folder_.file("fixtures.json"), fixtures, flags)} {
}

nlohmann::json aimock::journal() const {
  return server_.get("/__aimock/journal");
}

} // namespace troupe
