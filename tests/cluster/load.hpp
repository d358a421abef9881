#pragma once

#include "tests/cluster/gateway_directory.hpp"
#include "tests/cluster/history.hpp"
#include "tests/cluster/retrying_client.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

/// Client threads that create tasks at any gateway there is, some as further turns of a
/// thread, execute or cancel some, and write into a history what was acknowledged.
namespace troupe {

struct load_plan {
  std::uint64_t seed = 0;
  unsigned clients = 4;
  /// By all clients together, if the cluster keeps up.
  double tasks_per_second = 50;
  /// What the tasks do; one of them each.
  std::vector<std::string> inputs;
  /// Of each 100 tasks, so many are cancelled.
  unsigned cancels = 5;
  /// A client gives a call up after so long.
  std::chrono::milliseconds client_patience = patience;
};

/// Quick and slow ones, streams, tools, and all kinds of failures. The bot is `load_bot`.
std::vector<std::string> all_kinds_of_inputs();
/// Those that run for seconds, so that any node runs some at any time.
std::vector<std::string> long_inputs();

/// The bot of all tasks of a load: built-in model, restarts without delay.
inline constexpr auto load_bot = "quick";

/// In whose name tasks are created.
inline const std::vector<std::string> load_users{"ann", "bob"};

class load {
public:
  load(const gateway_directory& directory, history& record, load_plan plan);
  /// Ends it, as `stop` does.
  ~load();

  load(const load&) = delete;
  load& operator=(const load&) = delete;

  /// Nothing new is begun; returns once everything begun was acknowledged or given up.
  void stop();

private:
  struct client;

  void run(unsigned number);
  void create(client& c);
  void cancel(client& c);
  void repeat(client& c);
  /// What was asked for may have vanished with the primary.
  [[nodiscard]] bool has_vanished(const http_reply& reply) const;

  const gateway_directory& directory_;
  history& history_;
  load_plan plan_;
  std::atomic<bool> stopped_{false};
  std::vector<std::thread> threads_;
};

} // namespace troupe
