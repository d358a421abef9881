#pragma once

#include "actors/node.hpp"
#include "tests/simulation/gateway.hpp"
#include "tests/simulation/memory/memory_server.hpp"
#include "tests/simulation/network.hpp"
#include "tests/simulation/outside.hpp"
#include "tests/simulation/store_access.hpp"
#include "tests/simulation/world.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// A process of the cluster: the product's node with all its services, on an actor system of its own whose scheduler
/// does one thing at a time, when the world says so.
namespace troupe {

/// As the actor systems here are: one thing at a time, when they are told.
caf::actor_system_config& configure_simulated(caf::actor_system_config& config);

struct process_options {
  int number = 0;
  std::string name;
  std::chrono::milliseconds lease{5000};
  int capacity = 50;
  /// By how much its clock on the wall is wrong.
  std::chrono::microseconds clock_error{0};
  /// The node goes by its own clock in the place of the database's: a fault that was mended once.
  bool trusts_own_clock = false;
};

class process final : public machine, public network_host {
public:
  process(world& w, network& net, outside& beyond, memory_server& server, process_options options);
  ~process() override;
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  // -- what befalls it --------------------------------------------------------------

  /// It ends at once, without a word. What is left of it does nothing any more.
  void kill();
  void freeze();
  void thaw();
  /// Its way to the database is closed, and with it its session, or open again.
  void set_way(bool open);
  /// The database hears it and says nothing, for a while: its session stays.
  void hold_way() { way_->is_open = false; }
  /// One of its services dies, of a fault of its own, and is started again by the node.
  void crash_service(std::int64_t which);
  /// As an operator ends it: hands back what it runs, and says good-bye.
  void drain(std::chrono::milliseconds grace, const std::function<void()>& ended);

  // -- for clients --------------------------------------------------------------------

  [[nodiscard]] const std::string& name() const noexcept { return options_.name; }
  /// How often it has been in trouble that no restart mends.
  [[nodiscard]] const std::vector<std::string>& given_up() const noexcept { return given_up_; }
  /// Runs in the gateway, which may not be there.
  bool at_gateway(const std::function<void(simulated_gateway_state&)>& what);

  // -- machine, network_host ------------------------------------------------------------

  [[nodiscard]] bool has_work() override;
  void work(std::uint64_t choice) override;
  [[nodiscard]] std::optional<world::time_point> next_alarm() override;
  void advance_to(world::time_point now) override;
  [[nodiscard]] int number() const override { return options_.number; }
  [[nodiscard]] bool is_alive() const override { return alive_; }
  [[nodiscard]] bool is_frozen() const override { return frozen_; }
  [[nodiscard]] caf::actor_system& system() override { return *system_; }

private:
  void start(memory_server& server, outside& beyond);
  /// What runs on in the dark when it has been killed: it is emptied, and nobody hears of it.
  void empty();
  [[nodiscard]] caf::scheduler::test_coordinator& coordinator();
  /// The writer waits for the database: it is the only actor that does.
  [[nodiscard]] bool waits(const caf::resumable* job) const;

  world& world_;
  network& network_;
  process_options options_;
  uuid node_id_;
  bool alive_ = true;
  bool frozen_ = false;
  std::shared_ptr<store_way> way_ = std::make_shared<store_way>();
  std::shared_ptr<database> store_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::size_t actors_at_start_ = 0;
  node_actor node_;
  simulated_gateway gateway_;
  gateway_place gateway_state_ = std::make_shared<simulated_gateway_state*>(nullptr);
  std::vector<std::string> given_up_;
  memory_server& server_;
  /// Calls over the network live as long as the process's memory, which outlives it here.
  std::shared_ptr<outbound_client> outbound_;
};

} // namespace troupe
