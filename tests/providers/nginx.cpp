#include "tests/providers/nginx.hpp"

#include "tests/providers/ports.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <unistd.h>

namespace troupe {

namespace {

/// Where it may be, besides the folders of PATH, which seldom have those of servers.
std::string nginx_program() {
  for (const auto* file : {"/usr/sbin/nginx", TROUPE_SOURCE_DIR "/build/tools/usr/sbin/nginx"})
    if (::access(file, X_OK) == 0)
      return file;
  return {};
}

std::string configuration(const std::string& folder, const std::string& servers) {
  std::string text
    = "daemon off; master_process off; pid " + folder + "/nginx.pid;\nevents {}\nhttp {\naccess_log off;\n";
  // Where it was built to put these belongs to root.
  for (const auto* path : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    text += std::string{path} + "_temp_path " + folder + "/" + path + ";\n";
  return text + servers + "\n}\n";
}

std::string plain_server(std::uint16_t port, std::uint16_t upstream, const std::string& location) {
  return "server { listen 127.0.0.1:" + std::to_string(port)
         + "; location / { proxy_pass http://127.0.0.1:" + std::to_string(upstream) + "; " + location + " } }";
}

} // namespace

std::string nginx::missing() {
  if (nginx_program().empty())
    return "nginx is missing (`./dev test` fetches it)";
  return std::system((nginx_program() + " -v 2>/dev/null").c_str()) == 0 ? "" : "nginx does not run here";
}

nginx::nginx(std::uint16_t upstream, const std::string& location) : port_{free_port()} {
  start(plain_server(port_, upstream, location));
}

nginx::nginx(const std::function<std::string(std::uint16_t port)>& servers) : port_{free_port()} {
  start(servers(port_));
}

void nginx::start(const std::string& servers) {
  if (const auto why = missing(); !why.empty())
    throw std::runtime_error{why};
  const auto file = folder_.file("nginx.conf");
  const auto folder = folder_.path().string();
  std::ofstream{file} << configuration(folder, servers);
  process_ = std::make_unique<child_process>(
    std::vector<std::string>{nginx_program(), "-e", "stderr", "-p", folder, "-c", file});
  if (!eventually([this] { return accepts(port_); }, 10s))
    throw std::runtime_error{"nginx does not come up; it wrote:\n" + process_->output()};
}

} // namespace troupe
