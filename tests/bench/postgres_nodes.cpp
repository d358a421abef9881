#include "tests/bench/postgres_nodes.hpp"

#include "tests/bench/sockets.hpp"

#include <algorithm>
#include <linux/magic.h>
#include <stdexcept>
#include <sys/vfs.h>

namespace troupe {

namespace {

/// Throws if the server, which keeps its data among temporary files, would have them in memory.
void expect_a_disk() {
  const auto folder = std::filesystem::temp_directory_path();
  struct statfs found {};
  if (::statfs(folder.c_str(), &found) == 0 && found.f_type == TMPFS_MAGIC) {
    throw std::runtime_error{folder.string() + " is in memory: name a folder on a disk with TMPDIR"};
  }
}

bool has_links(std::uint16_t port, std::size_t count) {
  const auto socket = connect_loopback(port);
  const std::string metrics = ask(socket.get(), get_request("/metrics"));
  return metrics.find("\ntroupe_cluster_links " + std::to_string(count) + "\n") != std::string::npos;
}

} // namespace

postgres_nodes::postgres_nodes(const bench_options& options) : directory_{options.directory} {
  expect_a_disk();
}

server_process& postgres_nodes::add(const std::string& role, const std::vector<std::string>& flags) {
  std::vector<std::string> all{"--database", database_.url(), "--role", role, "--node-port", "0"};
  all.insert(all.end(), {"--node-name", "n" + std::to_string(nodes_.size() + 1)});
  all.insert(all.end(), flags.begin(), flags.end());
  nodes_.push_back(std::make_unique<running_node>(directory_, all));
  return nodes_.back()->process;
}

void postgres_nodes::wait_until_linked() const {
  const auto linked = [&] {
    return std::all_of(nodes_.begin(), nodes_.end(),
                       [&](const auto& node) { return has_links(node->process.port(), nodes_.size() - 1); });
  };
  if (!eventually(linked)) {
    throw std::runtime_error{"the nodes do not link to one another"};
  }
}

std::string postgres_nodes::add_database(const std::string& name) const {
  database_.query("CREATE DATABASE " + name);
  const std::string first = database_.url();
  return first.substr(0, first.rfind('/') + 1) + name;
}

void wait_until_empty(std::uint16_t port, const std::function<void(std::int64_t running)>& looked) {
  const auto socket = connect_loopback(port);
  const std::string request = get_request("/api/v1/queue");
  const auto is_empty = [&] {
    const std::string body = ask(socket.get(), request);
    if (looked) {
      looked(integer_member(std::string_view{body}.substr(body.find("\"totals\"")), "running"));
    }
    return body.find("\"namespaces\":[]") != std::string::npos;
  };
  if (!eventually(is_empty, std::chrono::minutes{5})) {
    throw std::runtime_error{"the queue does not become empty"};
  }
}

} // namespace troupe
