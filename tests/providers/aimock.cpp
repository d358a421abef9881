#include "tests/providers/aimock.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace troupe {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {

/// The CommonJS build: the other one does not load in the Node.js of Debian 12.
std::filesystem::path program() {
  return std::filesystem::path{TROUPE_SOURCE_DIR} / "build/tools/node/node_modules/@copilotkit/aimock/dist/cli.cjs";
}

/// Where the shell would find Node.js; empty if it would not.
std::string node() {
  const char* path = std::getenv("PATH");
  std::istringstream folders{path == nullptr ? "" : path};
  for (std::string folder; std::getline(folders, folder, ':');) {
    auto file = (std::filesystem::path{folder} / "node").string();
    if (::access(file.c_str(), X_OK) == 0) {
      return file;
    }
  }
  return {};
}

/// The body of a 200; throws for all else.
std::string get(std::uint16_t port, const std::string& target) {
  asio::io_context io;
  beast::tcp_stream stream{io};
  http::request<http::empty_body> request{http::verb::get, target, 11};
  request.set(http::field::host, "127.0.0.1");
  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  error_code failure;
  stream.expires_after(patience);
  stream.async_connect({asio::ip::address_v4::loopback(), port}, [&](error_code error) {
    failure = error;
    if (!error) {
      http::write(stream, request, failure);
      http::async_read(stream, buffer, response, [&](error_code ended, std::size_t) { failure = ended; });
    }
  });
  io.run();
  if (failure || response.result() != http::status::ok) {
    throw std::runtime_error{"aimock does not answer GET " + target + ": " + failure.message() + " " + response.body()};
  }
  return response.body();
}

} // namespace

std::string aimock::missing() {
  if (node().empty()) {
    return "Node.js is not installed (`./dev test` installs it), so aimock cannot run";
  }
  return std::filesystem::exists(program()) ? "" : "aimock is not installed (`./dev test` installs it)";
}

aimock::aimock(const std::string& fixtures, const std::vector<std::string>& flags) {
  if (const auto why = missing(); !why.empty()) {
    throw std::runtime_error{why};
  }
  const auto file = folder_.file("fixtures.json");
  std::ofstream{file} << fixtures;
  std::vector<std::string> command{node(), program().string(), "--port", "0", "--validate-on-load", "--fixtures", file};
  command.insert(command.end(), flags.begin(), flags.end());
  process_ = std::make_unique<child_process>(command);
  constexpr std::string_view mark = "listening on http://127.0.0.1:";
  const std::string line = process_->wait_for_line(mark);
  const char* digits = line.data() + line.find(mark) + mark.size();
  std::from_chars(digits, line.data() + line.size(), port_);
  get(port_, "/health");
}

std::string aimock::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + std::string{path};
}

nlohmann::json aimock::journal() const {
  return nlohmann::json::parse(get(port_, "/__aimock/journal"));
}

} // namespace troupe
