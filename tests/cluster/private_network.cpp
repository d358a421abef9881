#include "tests/cluster/private_network.hpp"

#include "tests/e2e/server_process.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sched.h>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace troupe {

namespace {

constexpr auto link_addresses = "127.0.1.0/24";

std::string ip_tool() {
  for (const auto* path : {"/usr/sbin/ip", "/usr/bin/ip", "/sbin/ip"}) {
    if (std::filesystem::exists(path)) {
      return path;
    }
  }
  return {};
}

void ip(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), ip_tool());
  child_process process{arguments};
  if (process.wait() != 0) {
    throw std::runtime_error{"ip failed: " + process.output()};
  }
}

descriptor open_network() {
  return descriptor{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
}

void enter_network(const descriptor& network) {
  if (::setns(network.get(), CLONE_NEWNET) != 0) {
    throw std::system_error{errno, std::generic_category(), "setns"};
  }
}

} // namespace

bool private_network::is_allowed() {
  if (ip_tool().empty()) {
    return false;
  }
  const auto outside = open_network();
  if (::unshare(CLONE_NEWNET) != 0) {
    return false;
  }
  enter_network(outside);
  return true;
}

void private_network::reset_links_to(const std::string& address) {
  // It also speaks of sockets that have ended by then, which is no failure.
  child_process process{{"/usr/bin/env", "PATH=/usr/bin:/usr/sbin:/bin:/sbin", "ss", "--kill", "--tcp", "--no-header",
                         "( dst " + address + " or src " + address + " )"}};
  process.wait();
}

private_network::private_network() : outside_{open_network()} {
  if (::unshare(CLONE_NEWNET) != 0) {
    throw std::system_error{errno, std::generic_category(), "unshare"};
  }
  ip({"link", "set", "lo", "up"});
}

private_network::~private_network() {
  ::setns(outside_.get(), CLONE_NEWNET);
}

std::string private_network::link_address(int n) {
  return "127.0.1." + std::to_string(n);
}

void private_network::cut_links() {
  // The table of local addresses is asked first, and in it the longest prefix wins.
  ip({"route", "add", "table", "local", "blackhole", link_addresses});
}

void private_network::heal_links() {
  ip({"route", "del", "table", "local", "blackhole", link_addresses});
}

} // namespace troupe
