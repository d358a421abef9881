#include "tests/providers/pgbouncer.hpp"

#include "tests/providers/ports.hpp"

#include <fstream>
#include <stdexcept>
#include <unistd.h>
#include <vector>

namespace troupe {

namespace {

std::string program() {
  for (const auto* file : {"/usr/sbin/pgbouncer", TROUPE_SOURCE_DIR "/build/tools/usr/sbin/pgbouncer"})
    if (::access(file, X_OK) == 0)
      return file;
  return {};
}

/// It refuses to run as root.
std::vector<std::string> as_somebody(std::vector<std::string> command) {
  if (::geteuid() == 0)
    command.insert(command.begin(), {"/usr/bin/setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"});
  return command;
}

} // namespace

std::string pgbouncer::missing() {
  if (program().empty())
    return "PgBouncer is missing (`./dev test` fetches it)";
  return std::system((program() + " --version >/dev/null 2>&1").c_str()) == 0 ? "" : "PgBouncer does not run here";
}

pgbouncer::pgbouncer(std::uint16_t server, const std::string& pool_mode, const std::string& settings)
  : port_{free_port()} {
  const auto file = folder_.file("pgbouncer.ini");
  std::ofstream{file} << "[databases]\ntroupe = host=127.0.0.1 port=" << server
                      << " user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = " << port_
                      << "\nunix_socket_dir =\nauth_type = any\npool_mode = " << pool_mode << '\n'
                      << settings << '\n';
  std::filesystem::permissions(folder_.path(), std::filesystem::perms::others_exec, std::filesystem::perm_options::add);
  process_ = std::make_unique<child_process>(as_somebody({program(), file}));
  if (!eventually([this] { return accepts(port_); }, std::chrono::seconds{10}))
    throw std::runtime_error{"PgBouncer does not come up; it wrote:\n" + process_->output()};
}

std::string pgbouncer::url() const {
  return "postgres://postgres@127.0.0.1:" + std::to_string(port_) + "/troupe";
}

} // namespace troupe
