#include "tests/providers/node_server.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <sys/types.h>
#include <unistd.h>
#include <utility>

namespace troupe {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace fs = std::filesystem;
using boost::system::error_code;

namespace {

fs::path tests() {
  return fs::path{TROUPE_SOURCE_DIR} / "tests/providers";
}

fs::path tools() {
  return fs::path{TROUPE_SOURCE_DIR} / "build/tools/node";
}

/// Where the shell would find Node.js; empty if it would not.
std::string node() {
  const char* path = std::getenv("PATH");
  std::istringstream folders{path == nullptr ? "" : path};
  for (std::string folder; std::getline(folders, folder, ':');) {
    auto file = (fs::path{folder} / "node").string();
    if (::access(file.c_str(), X_OK) == 0) {
      return file;
    }
  }
  return {};
}

/// The document of a package.json; empty if there is none.
nlohmann::json package(const fs::path& folder) {
  std::ifstream file{folder / "package.json"};
  return file ? nlohmann::json::parse(file, nullptr, false) : nlohmann::json::object();
}

/// Gateways give their children sessions of their own, so no signal reaches all of them at once. What is stopped has no
/// further ones.
void kill_with_children(pid_t process) {
  ::kill(process, SIGSTOP);
  const auto id = std::to_string(process);
  std::error_code ended;
  for (const auto& thread : fs::directory_iterator{"/proc/" + id + "/task", ended}) {
    std::ifstream children{thread.path() / "children"};
    for (pid_t child = 0; children >> child;) {
      kill_with_children(child);
    }
  }
  ::kill(process, SIGKILL);
}

} // namespace

std::string node_server::missing() {
  if (node().empty()) {
    return "Node.js is not installed (`./dev test` installs it)";
  }
  const auto wanted = package(tests());
  for (const auto& [name, version] : wanted.at("dependencies").items()) {
    if (package(tools() / "node_modules" / name).value("version", "") != version) {
      return name + " " + version.get<std::string>() + " is not installed (`./dev test` installs it)";
    }
  }
  return {};
}

node_server::node_server(std::string program, std::vector<std::string> arguments)
  : program_{std::move(program)}, arguments_{std::move(arguments)} {
  if (const auto why = missing(); !why.empty()) {
    throw std::runtime_error{why};
  }
  // An import is looked for beside the file that has it, so the files are copied and the packages linked.
  fs::copy(tests() / "servers", folder_.path());
  fs::create_directory_symlink(tools() / "node_modules", folder_.path() / "node_modules");
  start();
}

node_server::~node_server() {
  kill();
}

void node_server::start() {
  std::vector<std::string> command{
    "/usr/bin/env", "-C",        folder_.path().string(), "TROUPE_TEST_PORT=" + std::to_string(port_),
    node(),         "--require", "./loopback.cjs",        program_};
  command.insert(command.end(), arguments_.begin(), arguments_.end());
  process_ = std::make_unique<child_process>(command);
  constexpr std::string_view mark = "test server listens on port ";
  const std::string line = process_->wait_for_line(mark);
  const char* digits = line.data() + line.find(mark) + mark.size();
  std::from_chars(digits, line.data() + line.size(), port_);
}

void node_server::kill() {
  kill_with_children(process_->pid());
  process_->wait();
}

void node_server::restart() {
  kill();
  start();
}

std::string node_server::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + std::string{path};
}

nlohmann::json node_server::get(const std::string& path) const {
  return ask("GET", path, {});
}

nlohmann::json node_server::post(const std::string& path, const nlohmann::json& body) const {
  return ask("POST", path, body.dump());
}

nlohmann::json node_server::ask(std::string_view method, const std::string& path, const std::string& body) const {
  asio::io_context io;
  beast::tcp_stream stream{io};
  http::request<http::string_body> request;
  request.method_string({method.data(), method.size()});
  request.target(path);
  request.set(http::field::host, "127.0.0.1");
  if (!body.empty()) {
    request.set(http::field::content_type, "application/json");
    request.body() = body;
    request.prepare_payload();
  }
  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  error_code failure;
  stream.expires_after(body.empty() ? patience : 8 * patience);
  stream.async_connect({asio::ip::address_v4::loopback(), port_}, [&](error_code error) {
    failure = error;
    if (!error) {
      http::write(stream, request, failure);
      http::async_read(stream, buffer, response, [&](error_code ended, std::size_t) { failure = ended; });
    }
  });
  io.run();
  if (failure || response.result() != http::status::ok) {
    throw std::runtime_error{program_ + " does not answer " + std::string{method} + " " + path + ": "
                             + failure.message() + " " + response.body()};
  }
  return nlohmann::json::parse(response.body());
}

} // namespace troupe
