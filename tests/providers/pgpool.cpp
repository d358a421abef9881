#include "tests/providers/pgpool.hpp"

#include "tests/providers/ports.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <unistd.h>

namespace troupe {

namespace {

std::string program() {
  for (const auto* file : {"/usr/sbin/pgpool", TROUPE_SOURCE_DIR "/build/tools/usr/sbin/pgpool"})
    if (::access(file, X_OK) == 0)
      return file;
  return {};
}

} // namespace

std::string pgpool::missing() {
  if (program().empty())
    return "pgpool-II is missing (`./dev test` fetches it)";
  return std::system((program() + " --version >/dev/null 2>&1").c_str()) == 0 ? "" : "pgpool-II does not run here";
}

pgpool::pgpool(const std::vector<server>& servers, const std::string& settings) : port_{free_port()} {
  const auto file = folder_.file("pgpool.conf");
  std::ofstream text{file};
  text << "listen_addresses = '127.0.0.1'\nport = " << port_
       << "\npcp_listen_addresses = '127.0.0.1'\npcp_port = " << free_port() << "\nsocket_dir = '"
       << folder_.path().string() << "'\npcp_socket_dir = '" << folder_.path().string() << "'\npid_file_name = '"
       << folder_.file("pid") << "'\nlogdir = '" << folder_.path().string()
       << "'\nbackend_clustering_mode = 'streaming_replication'\nload_balance_mode = on\n"
       << "sr_check_user = 'postgres'\nsr_check_period = 1\nsr_check_database = 'postgres'\n"
       << "health_check_period = 0\nenable_pool_hba = off\n";
  for (std::size_t i = 0; i < servers.size(); ++i)
    text << "backend_hostname" << i << " = '127.0.0.1'\nbackend_port" << i << " = " << servers[i].port
         << "\nbackend_weight" << i << " = " << servers[i].weight << "\nbackend_flag" << i
         << " = 'DISALLOW_TO_FAILOVER'\n";
  text << settings << '\n' << std::flush;
  process_ = std::make_unique<child_process>(std::vector<std::string>{
    program(), "-n", "-f", file, "-F", folder_.file("pcp.conf"), "-a", folder_.file("hba.conf")});
  if (!eventually([this] { return accepts(port_); }, 10s))
    throw std::runtime_error{"pgpool-II does not come up; it wrote:\n" + process_->output()};
}

pgpool::~pgpool() {
  process_->signal(SIGINT);
  try {
    process_->wait();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "pgpool-II does not end: " << error.what();
  }
}

} // namespace troupe
