#pragma once

#include "tests/providers/needs.hpp"
#include "tests/providers/node_server.hpp"

#include <nlohmann/json.hpp>

#include <string>

/// A real browser, Debian's Chromium, without a window. `./dev test` installs it.
namespace troupe {

class browser {
public:
  /// Empty if it can run here, otherwise a sentence that says what is missing.
  static std::string missing();

  browser();

  /// The origin of an empty page that is neither Troupe's nor anybody's: `http://<host>:<port>`. Any host under .test
  /// is this machine.
  [[nodiscard]] std::string origin(const std::string& host = "127.0.0.1") const;

  enum class page {
    /// What is served there.
    served,
    /// An empty one that stands in its place: that of a name which pointed elsewhere when the page was loaded.
    blank,
  };

  /// Opens `url` and calls the function in tests/providers/servers/`script` with `arguments` there; returns what it
  /// returns. Throws std::runtime_error with what was wrong.
  nlohmann::json run(const std::string& url, const std::string& script, const nlohmann::json& arguments,
                     page what = page::served);

private:
  node_server server_;
};

} // namespace troupe
