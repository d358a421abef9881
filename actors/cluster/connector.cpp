#include "actors/cluster/connector.hpp"

#include "actors/cluster/node_address.hpp"
#include "actors/timeouts.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/io/middleman.hpp>
#include <caf/openssl/manager.hpp>
#include <caf/stateful_actor.hpp>

#include <set>
#include <string>
#include <utility>

namespace troupe {

namespace {

caf::error cannot_listen(const open_door& request, const caf::error& why) {
  return caf::make_error(errc::unavailable, "The address " + to_address(request.host, request.port)
                                              + " for links between nodes cannot be listened on (" + caf::to_string(why)
                                              + "). Stop whatever uses it, or set node_host and node_port.");
}

caf::error no_answer(const connect_to& request) {
  return caf::make_error(errc::unavailable, "Nobody answers at " + to_address(request.host, request.port) + ".");
}

} // namespace

void connector_state::start(const connector_config& config) {
  auto& system = self_->system();
  middleman_ = config.tls ? system.openssl_manager().actor_handle() : system.middleman().actor_handle();
}

caf::typed_response_promise<door> connector_state::open(const open_door& request) {
  auto promise = self_->make_response_promise<door>();
  if (const auto old = std::exchange(port_, 0)) {
    // Of a cluster actor that has died.
    const auto go_on = [this, request, promise] { publish(request, promise); };
    self_->request(middleman_, timeouts::open_door, caf::close_atom::value, old)
      .then([go_on] { go_on(); }, [go_on](const caf::error&) { go_on(); });
  } else {
    publish(request, promise);
  }
  return promise;
}

void connector_state::publish(const open_door& request, caf::typed_response_promise<door> promise) {
  self_
    ->request(middleman_, timeouts::open_door, caf::publish_atom::value, request.port,
              caf::actor_cast<caf::strong_actor_ptr>(request.whom), self_->system().message_types(request.whom),
              request.host, true)
    .then(
      [this, promise](std::uint16_t port) mutable {
        port_ = port;
        promise.deliver(door{port});
      },
      [request, promise](const caf::error& reason) mutable { promise.deliver(cannot_listen(request, reason)); });
}

caf::typed_response_promise<connected> connector_state::connect(const connect_to& request) {
  auto promise = self_->make_response_promise<connected>();
  const auto numeric = find_answering({request.host, request.port}, timeouts::reach);
  if (!numeric) {
    promise.deliver(no_answer(request));
    return promise;
  }
  self_->request(middleman_, timeouts::connect, caf::connect_atom::value, *numeric, request.port)
    .then(
      [promise, request](const caf::node_id&, const caf::strong_actor_ptr& found,
                         const std::set<std::string>&) mutable {
        if (found)
          promise.deliver(connected{caf::actor_cast<peer_actor>(found)});
        else
          promise.deliver(no_answer(request));
      },
      [promise](caf::error& reason) mutable { promise.deliver(std::move(reason)); });
  return promise;
}

connector_actor::behavior_type connector(connector_actor::stateful_pointer<connector_state> self,
                                         connector_config config) {
  self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
  self->state.start(config);
  return {
    [self](const open_door& request) { return self->state.open(request); },
    [self](const connect_to& request) { return self->state.connect(request); },
  };
}

} // namespace troupe
