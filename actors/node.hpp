#pragma once

#include "actors/clock.hpp"
#include "actors/cluster/cluster.hpp"
#include "actors/cluster/connector.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/remote/outbound.hpp"
#include "actors/remote/secrets.hpp"
#include "actors/restart_intensity.hpp"
#include "actors/tasks/supervisor_config.hpp"
#include "persistence/store.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

/// The node's supervisor is the root of the tree. It starts the services, one for
/// one: a service that dies is started again and all others are told its new
/// handle. Where the database is shared these include the cluster actor. Past the restart intensity it gives up, and
/// the process should end with an error: whoever watches the process (systemd, say) has a wider view.
namespace troupe {

struct node_config {
  std::shared_ptr<database> store;
  std::size_t readers = 2;
  supervisor_config supervisor;
  /// Used if the store is shared.
  cluster_config cluster;
  connector_config connector;
  /// Starts the connector in place of CAF's middleman; for tests that have a network of their own.
  std::function<connector_actor(caf::actor_system&)> network{};
  /// How providers and tools are reached.
  std::shared_ptr<outbound_client> outbound;
  /// Opens secrets in headers of tools and models; null for no key.
  secret_box_ptr secrets{};
  metrics_ptr measured;
  /// Blocking services get threads of their own; off in tests, which run all
  /// actors in one.
  bool detached = true;
  restart_intensity intensity{10, std::chrono::seconds{60}};
  /// Called once when restarting has not helped, with a sentence.
  std::function<void(std::string)> give_up;
};

class node_state {
public:
  static inline const char* name = "node";

  explicit node_state(node_actor::pointer self) : self_{self} {}

  void start(node_config config);
  [[nodiscard]] services_ptr current() const { return services_; }
  void add(add_service service);
  void service_ended(const caf::down_msg& down);
  caf::typed_response_promise<done> stop();

private:
  /// Starts a service and puts its handle into the services.
  using start_function = std::function<caf::actor_addr(services&)>;

  enum class knows { peers, nobody };

  struct child {
    std::string service;
    /// Whether it is told when a handle changes.
    knows whom = knows::nobody;
    start_function start;
    caf::actor_addr address;
  };

  void add_child(std::string service, knows whom, start_function start);
  void start_child(child& which);
  void tell_all();
  void start_services();
  void start_cluster();
  void end_services();
  void stopped_if_empty();

  node_actor::pointer self_;
  node_config config_;
  services_ptr services_ = std::make_shared<const services>();
  std::vector<child> children_;
  std::vector<caf::typed_response_promise<done>> stopping_;
};

node_actor::behavior_type node(node_actor::stateful_pointer<node_state> self, node_config config);

} // namespace troupe
