#pragma once

#include "tests/cluster/gateway_directory.hpp"
#include "tests/cluster/postgres_server.hpp"
#include "tests/cluster/tcp_proxy.hpp"
#include "tests/e2e/http_client.hpp"
#include "tests/e2e/server_process.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Several real nodes over one real PostgreSQL, each with a proxy of its own between
/// itself and the database. Processes are started by the thread that owns the cluster;
/// clients on other threads know the nodes from `gateways` only.
namespace troupe {

/// Flags of `troupe serve` with their values.
using flag_map = std::map<std::string, std::string>;

/// How long a lease lasts in these tests: short, so that what waits for three of them
/// is soon over.
inline constexpr std::chrono::milliseconds lease_time{2000};

/// One node, over all its starts.
class node {
public:
  node(const postgres_database& database, gateway_directory& directory, std::string name, std::string role,
       flag_map flags);
  ~node();

  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Starts it and returns once it is ready.
  void start();

  // -- faults -------------------------------------------------------------------

  /// SIGKILL, and waits for its end.
  void kill();
  /// SIGSTOP: it says nothing and hears nothing, and nobody is told.
  void freeze();
  /// SIGCONT: it goes on as if no time had passed.
  void thaw();
  /// SIGTERM.
  void drain();
  /// Waits for the end of a node that drains, and returns its exit code.
  int wait_for_end(std::chrono::milliseconds limit = patience);

  /// Between this node and the database.
  [[nodiscard]] tcp_proxy& database_link() noexcept { return proxy_; }

  // -- questions ----------------------------------------------------------------

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& role() const noexcept { return role_; }
  [[nodiscard]] bool is_gateway() const noexcept { return role_ != "worker"; }
  [[nodiscard]] bool is_worker() const noexcept { return role_ != "gateway"; }

  /// It was started, and none of the above has ended it since.
  [[nodiscard]] bool is_started() const noexcept { return process_.has_value(); }
  /// It was started and has not ended by itself.
  [[nodiscard]] bool is_running() const;
  [[nodiscard]] std::uint16_t port() const { return process_.value().port(); }
  [[nodiscard]] pid_t pid() const { return process_.value().pid(); }

  /// The status of `GET /readyz`, 0 if there is no answer.
  [[nodiscard]] unsigned readiness() const;

  /// The sum of a metric over its labels; 0 if it has none.
  [[nodiscard]] double metric(const std::string& name) const;

  /// What it wrote, over all its starts.
  [[nodiscard]] std::string output() const;

private:
  void forget();

  std::string url_;
  gateway_directory& directory_;
  std::string name_;
  std::string role_;
  flag_map flags_;
  temporary_folder data_;
  tcp_proxy proxy_;
  std::optional<server_process> process_;
  std::string earlier_output_;
};

class cluster {
public:
  /// `flags` go to every node, and win over the suite's own.
  explicit cluster(flag_map flags = {});
  /// Over a database that others keep; nodes go there without a proxy.
  cluster(const postgres_database& elsewhere, flag_map flags);

  /// From now on every node is led to a standby, which is promoted; the primary is gone.
  void fail_over_to(std::unique_ptr<postgres_server> standby);

  /// A further node, started. Roles are `all`, `gateway` and `worker`; `flags` win over those of the cluster.
  node& add(const std::string& name, const std::string& role = "all", const flag_map& flags = {});

  [[nodiscard]] node& at(const std::string& name);
  [[nodiscard]] std::vector<node*> nodes() const;
  [[nodiscard]] std::vector<node*> gateways() const;
  [[nodiscard]] std::vector<node*> workers() const;

  /// The cluster's own server.
  [[nodiscard]] postgres_server& database() noexcept { return *database_; }
  /// What the nodes have in common, whoever keeps it.
  [[nodiscard]] const postgres_database& data() const noexcept { return database_ ? *database_ : *elsewhere_; }
  [[nodiscard]] const gateway_directory& directory() const noexcept { return directory_; }

  /// The port of the first gateway that is started.
  [[nodiscard]] std::uint16_t any_port() const;

  /// The items of `GET /api/v1/nodes`, asked at some gateway.
  [[nodiscard]] std::vector<json> listed_nodes() const;

  /// Waits until every started node is ready, and listed as alive with nobody else.
  void wait_until_whole();

private:
  flag_map flags_;
  std::unique_ptr<postgres_server> database_;
  std::optional<postgres_database> elsewhere_;
  gateway_directory directory_;
  std::vector<std::unique_ptr<node>> nodes_;
};

} // namespace troupe
