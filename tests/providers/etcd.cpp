#include "tests/providers/etcd.hpp"

#include "tests/providers/ports.hpp"

#include <cstdlib>
#include <stdexcept>
#include <unistd.h>

namespace troupe {

namespace {

std::string program() {
  for (const auto* file : {"/usr/bin/etcd", TROUPE_SOURCE_DIR "/build/tools/usr/bin/etcd"})
    if (::access(file, X_OK) == 0)
      return file;
  return {};
}

std::string address(std::uint16_t port) {
  return "http://127.0.0.1:" + std::to_string(port);
}

} // namespace

std::string etcd::missing() {
  if (program().empty())
    return "etcd is missing (`./dev test` fetches it)";
  return std::system((program() + " --version >/dev/null 2>&1").c_str()) == 0 ? "" : "etcd does not run here";
}

etcd::etcd() : port_{free_port()} {
  const auto clients = address(port_);
  const auto peers = address(free_port());
  process_ = std::make_unique<child_process>(
    std::vector<std::string>{program(), "--data-dir", folder_.path(), "--unsafe-no-fsync", "--listen-client-urls",
                             clients, "--advertise-client-urls", clients, "--listen-peer-urls", peers,
                             "--initial-advertise-peer-urls", peers, "--initial-cluster", "default=" + peers});
  if (!eventually([this] { return accepts(port_); }, 10s))
    throw std::runtime_error{"etcd does not come up; it wrote:\n" + process_->output()};
}

} // namespace troupe
