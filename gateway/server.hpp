#pragma once

#include "actors/node.hpp"
#include "config/settings.hpp"
#include "gateway/live/lane.hpp"
#include "gateway/outbound/beast_client.hpp"
#include "gateway/requests/access_log.hpp"
#include "gateway/requests/client_memory.hpp"
#include "persistence/store.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

/// The server: all parts of it put together, from the store to the lanes. The process around
/// it (signals, limits, the log) is gateway/serve.cpp's; a process may have one after another.
namespace troupe {

/// A server while it lives. Built, run and destroyed on one thread, in this order: store, actors,
/// lanes; and back.
class server {
public:
  /// Starts the actors. `loop` outlives the server and is run by nobody else.
  server(boost::asio::io_context& loop, const settings& s, std::shared_ptr<database> store, secret_box_ptr secrets);
  /// Takes down what `run` has not.
  ~server();

  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Listens, and takes requests from now on; false if it cannot, and the log says why.
  [[nodiscard]] bool start();
  /// Where it listens, once it has started.
  [[nodiscard]] std::uint16_t port() const { return lanes_.front()->port(); }
  /// Where `/metrics` has a listener of its own, once it has started; 0 if it has none.
  [[nodiscard]] std::uint16_t metrics_port() const { return watched_ ? watched_->port() : 0; }
  /// Runs the loop until the server has drained, or its services keep dying; then takes all
  /// down. The exit code: 0 after a drain, else 1.
  int run();

  // -- on the loop ----------------------------------------------------------------

  /// Takes on nothing new, and lets what runs end for as long as `drain_timeout`; that ends
  /// `run`. Call once.
  void drain();
  [[nodiscard]] bool draining() const { return draining_->load(std::memory_order_relaxed); }

private:
  void log_start() const;
  node_actor start_node();
  /// The time by which all who share the store go.
  [[nodiscard]] clock_function store_clock() const;
  [[nodiscard]] gateway_config make_gateway_config() const;
  bool listen();
  /// Adds the lane and has it listen; false if it cannot.
  bool listen(const std::shared_ptr<lane>& one, const std::string& host, std::uint16_t port, bool shared);
  /// The one node of an embedded database says how it is when that changes; a cluster's nodes
  /// do again and again (actors/cluster/cluster.hpp).
  void announce_alone(node_health health);
  /// On a thread of its own: whoever waits for the drain cannot do anything else.
  void wait_for_drain(const task_supervisor_actor& supervisor);
  /// Ends the drain early if the store has been away since `away_since` and stays so.
  void drain_without_store(task_supervisor_actor supervisor,
                           std::optional<std::chrono::steady_clock::time_point> away_since);
  void end(int exit_code);
  void take_down();

  template <class Result, class Request>
  std::optional<Result> ask(const Request& request);

  const settings settings_;
  boost::asio::io_context& loop_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{loop_.get_executor()};
  boost::asio::steady_timer look_timer_{loop_};
  std::shared_ptr<database> store_;
  secret_box_ptr secrets_;
  metrics_ptr measured_ = std::make_shared<metrics>();
  std::shared_ptr<client_memory> memory_ = client_memory::for_process(memory_of_process(), settings_.max_body_bytes);
  std::shared_ptr<access_log> access_;
  std::shared_ptr<std::atomic<bool>> draining_ = std::make_shared<std::atomic<bool>>(false);
  const uuid node_id_ = make_uuid();
  const timestamp started_at_ = now();
  int exit_code_ = 0;
  bool store_given_up_ = false;
  bool taken_down_ = false;
  caf::actor_system_config config_;
  caf::actor_system system_;
  caf::scoped_actor self_;
  std::shared_ptr<beast_client> outbound_;
  node_actor node_;
  std::vector<std::shared_ptr<lane>> lanes_;
  /// One of them, for those who watch the server; null without `metrics_port`.
  std::shared_ptr<lane> watched_;
  std::thread drain_thread_;
};

} // namespace troupe
