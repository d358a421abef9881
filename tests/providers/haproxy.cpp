#include "tests/providers/haproxy.hpp"

#include "tests/providers/ports.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <unistd.h>

namespace troupe {

namespace {

std::string haproxy_program() {
  for (const auto* file : {"/usr/sbin/haproxy", TROUPE_SOURCE_DIR "/build/tools/usr/sbin/haproxy"}) {
    if (::access(file, X_OK) == 0) {
      return file;
    }
  }
  return {};
}

} // namespace

std::string haproxy::missing() {
  if (haproxy_program().empty()) {
    return "HAProxy is missing (`./dev test` fetches it)";
  }
  return std::system((haproxy_program() + " -v >/dev/null 2>&1").c_str()) == 0 ? "" : "HAProxy does not run here";
}

haproxy::haproxy(const std::function<std::string(std::uint16_t port)>& configuration) : port_{free_port()} {
  if (const auto why = missing(); !why.empty()) {
    throw std::runtime_error{why};
  }
  const auto file = folder_.file("haproxy.cfg");
  std::ofstream{file} << configuration(port_);
  process_ = std::make_unique<child_process>(std::vector<std::string>{haproxy_program(), "-db", "-f", file});
  if (!eventually([this] { return accepts(port_); }, 10s)) {
    throw std::runtime_error{"HAProxy does not come up; it wrote:\n" + process_->output()};
  }
}

} // namespace troupe
