#include "tests/providers/nginx.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <unistd.h>

namespace troupe {

namespace {

using boost::asio::ip::tcp;

/// Where it may be, besides the folders of PATH, which seldom have those of servers.
std::string program() {
  for (const auto* file : {"/usr/sbin/nginx", TROUPE_SOURCE_DIR "/build/tools/usr/sbin/nginx"})
    if (::access(file, X_OK) == 0)
      return file;
  return {};
}

/// A port that was free a moment ago: nginx takes none by itself.
std::uint16_t free_port() {
  boost::asio::io_context io;
  return tcp::acceptor{io, {boost::asio::ip::address_v4::loopback(), 0}}.local_endpoint().port();
}

bool accepts(std::uint16_t port) {
  boost::asio::io_context io;
  tcp::socket socket{io};
  boost::system::error_code error;
  socket.connect({boost::asio::ip::address_v4::loopback(), port}, error);
  return !error;
}

std::string configuration(const std::string& folder, std::uint16_t port, std::uint16_t upstream,
                          const std::string& location) {
  std::string text
    = "daemon off; master_process off; pid " + folder + "/nginx.pid;\nevents {}\nhttp {\naccess_log off;\n";
  // Where it was built to put these belongs to root.
  for (const auto* path : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    text += std::string{path} + "_temp_path " + folder + "/" + path + ";\n";
  return text + "server { listen 127.0.0.1:" + std::to_string(port)
         + "; location / { proxy_pass http://127.0.0.1:" + std::to_string(upstream) + "; " + location + " } }\n}\n";
}

} // namespace

std::string nginx::missing() {
  if (program().empty())
    return "nginx is missing (`./dev test` fetches it)";
  return std::system((program() + " -v 2>/dev/null").c_str()) == 0 ? "" : "nginx does not run here";
}

nginx::nginx(std::uint16_t upstream, const std::string& location) : port_{free_port()} {
  if (const auto why = missing(); !why.empty())
    throw std::runtime_error{why};
  const auto file = folder_.file("nginx.conf");
  const auto folder = folder_.path().string();
  std::ofstream{file} << configuration(folder, port_, upstream, location);
  process_
    = std::make_unique<child_process>(std::vector<std::string>{program(), "-e", "stderr", "-p", folder, "-c", file});
  if (!eventually([this] { return accepts(port_); }))
    throw std::runtime_error{"nginx does not come up; it wrote:\n" + process_->output()};
}

} // namespace troupe
