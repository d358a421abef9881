#include "tests/cluster/postgres_programs.hpp"

#include "tests/bench/sockets.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdlib>
#include <fstream>
#include <pwd.h>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe {

namespace {

bool is_root() {
  return ::geteuid() == 0;
}

bool is_free(std::uint16_t port) {
  const descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

} // namespace

std::filesystem::path postgres_binaries() {
  std::filesystem::path newest;
  int version = 0;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator{"/usr/lib/postgresql", none}) {
    const int found = std::atoi(entry.path().filename().c_str());
    if (found > version && std::filesystem::exists(entry.path() / "bin/postgres")) {
      version = found;
      newest = entry.path() / "bin";
    }
  }
  if (newest.empty()) {
    throw std::runtime_error{"there is no PostgreSQL server in /usr/lib/postgresql: install the package postgresql"};
  }
  return newest;
}

std::vector<std::string> as_postgres(std::vector<std::string> command, const std::string& last_signal) {
  std::vector<std::string> whole{"/usr/bin/setpriv", "--pdeathsig", last_signal};
  if (is_root()) {
    whole.insert(whole.end(), {"--reuid=postgres", "--regid=postgres", "--init-groups"});
  }
  whole.insert(whole.end(), command.begin(), command.end());
  return whole;
}

void give_to_postgres(const std::filesystem::path& folder) {
  if (!is_root()) {
    return;
  }
  const passwd* user = ::getpwnam("postgres");
  if (user == nullptr || ::chown(folder.c_str(), user->pw_uid, user->pw_gid) != 0) {
    throw std::runtime_error{"the user postgres is missing: install the package postgresql"};
  }
}

std::uint16_t lasting_port() {
  unsigned first_given = 32768;
  std::ifstream{"/proc/sys/net/ipv4/ip_local_port_range"} >> first_given;
  std::random_device random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    const auto port = static_cast<std::uint16_t>(10'000 + random() % (std::max(first_given, 11'000U) - 10'000));
    if (is_free(port)) {
      return port;
    }
  }
  throw std::runtime_error{"no port is free"};
}

} // namespace troupe
