#pragma once

#include "actors/interfaces.hpp"

#include <caf/io/middleman_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>

/// The connector opens the port for other nodes and makes connections to theirs: the
/// only actor that knows CAF's middleman. Spawned detached by the node, where links
/// are on, since it waits for addresses that do not answer. The cluster actor asks it.
/// If it dies the node starts another; connections that are there stay.
namespace troupe {

/// How links are made.
struct connector_config {
  /// Encrypted, with certificates on both ends (`openssl.*` of the actor system).
  bool tls = false;
};

class connector_state {
public:
  static inline const char* name = "connector";

  explicit connector_state(connector_actor::pointer self) : self_{self} {}

  void start(const connector_config& config);
  caf::typed_response_promise<door> open(const open_door& request);
  caf::typed_response_promise<connected> connect(const connect_to& request);

private:
  void publish(const open_door& request, caf::typed_response_promise<door> promise);

  connector_actor::pointer self_;
  caf::io::middleman_actor middleman_;
  /// Open now; 0 if none is.
  std::uint16_t port_ = 0;
};

connector_actor::behavior_type connector(connector_actor::stateful_pointer<connector_state> self,
                                         connector_config config);

} // namespace troupe
