#pragma once

#include "tests/e2e/server_process.hpp"
#include "tests/providers/needs.hpp"
#include "tests/temporary_folder.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// npm packages as servers: what others wrote, run as it is. `./dev test` installs the versions that
/// tests/providers/package.json names in build/tools/node.
namespace troupe {

/// A program on Node.js that serves HTTP, on a port of 127.0.0.1 whatever it would listen on by itself. It is killed
/// with the object, and its children with it.
///
/// It runs in a folder of its own that holds what is in tests/providers/servers, and `node_modules`: these are the
/// names that `program` and `arguments` may use, as in
///
///     node_server{"node_modules/supergateway/dist/index.js", {"--stdio", "node mcp.mjs stdio"}}
class node_server {
public:
  /// Empty if such programs can run here, otherwise a sentence that says what is missing.
  static std::string missing();

  /// Starts it and returns once it listens. Throws std::runtime_error with what it wrote if it does not come up.
  explicit node_server(std::string program, std::vector<std::string> arguments = {});
  ~node_server();

  node_server(const node_server&) = delete;
  node_server& operator=(const node_server&) = delete;

  /// Kills it and starts it on the same port; what it knew is gone.
  void restart();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// `http://127.0.0.1:<port>` and `path`.
  [[nodiscard]] std::string url(std::string_view path = {}) const;
  /// The document that it answers a GET with; throws for all but a 200 with JSON.
  [[nodiscard]] nlohmann::json get(const std::string& path) const;
  /// The same for a POST of `body`, which may take some minutes.
  [[nodiscard]] nlohmann::json post(const std::string& path, const nlohmann::json& body) const;

private:
  void start();
  void kill();
  [[nodiscard]] nlohmann::json ask(std::string_view method, const std::string& path, const std::string& body) const;

  temporary_folder folder_;
  std::string program_;
  std::vector<std::string> arguments_;
  std::unique_ptr<child_process> process_;
  std::uint16_t port_ = 0;
};

} // namespace troupe
