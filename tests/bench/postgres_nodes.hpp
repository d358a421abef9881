#pragma once

#include "tests/bench/benchmarks.hpp"
#include "tests/cluster/postgres_server.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// A PostgreSQL server of its own with its default settings, and nodes on it.
class postgres_nodes {
public:
  /// Starts the server. Throws if its data would be in memory, where nothing is ever
  /// waited for.
  explicit postgres_nodes(const bench_options& options);

  /// A further node, ready; `flags` go to `troupe serve`.
  server_process& add(const std::string& role = "all", const std::vector<std::string>& flags = {});

  /// Waits until every node has its link to every other.
  void wait_until_linked() const;

  /// Ends all nodes at once.
  void end() { nodes_.clear(); }

  [[nodiscard]] postgres_server& database() noexcept { return database_; }

  /// Makes an empty database `name` in the server and gives its URL.
  [[nodiscard]] std::string add_database(const std::string& name) const;

private:
  struct running_node {
    running_node(const std::filesystem::path& parent, const std::vector<std::string>& flags)
      : data{parent}, process{data.path(), flags} {}

    temporary_folder data;
    server_process process;
  };

  std::filesystem::path directory_;
  postgres_server database_;
  std::vector<std::unique_ptr<running_node>> nodes_;
};

/// Waits until nothing waits or runs in the queue, looking often; `looked` sees how many
/// tasks run.
void wait_until_empty(std::uint16_t port, const std::function<void(std::int64_t running)>& looked = {});

} // namespace troupe
