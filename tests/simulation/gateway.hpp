#pragma once

#include "actors/interfaces.hpp"
#include "gateway/live/hub.hpp"
#include "gateway/live/room_joins.hpp"
#include "gateway/requests/client_memory.hpp"
#include "tests/simulation/run_here.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

/// What stands between simulated clients and a process's services, as the gateway actor does between sockets and
/// them: it asks on behalf of clients, and serves the product's own feeds, by its own hub, joined by its own rules.
namespace troupe {

using simulated_gateway = subscriber_actor::extend<caf::reacts_to<services_changed>, caf::reacts_to<run_here>>;

class simulated_gateway_state {
public:
  static inline const char* name = "gateway";

  explicit simulated_gateway_state(simulated_gateway::pointer self)
    : self_{self}, joins_{self, {[this] { feeds_.interrupt(); }, [this] { feeds_.resync(); }}} {}

  void link(services_ptr peers);
  void publish(const events_published& published);
  /// Events may have passed unheard.
  void look_again() { feeds_.look_again(); }

  // -- for clients; in the actor ------------------------------------------------------

  [[nodiscard]] const services& peers() const { return *peers_; }

  template <class Value, class Handle, class Message>
  void ask(const Handle& whom, Message what, std::function<void(const Value&)> on_value,
           std::function<void(const store_error&)> on_error) {
    if (!whom) {
      on_error({errc::unavailable, "It has not started yet."});
      return;
    }
    self_->request(whom, caf::infinite, std::move(what))
      .then([on_value](const Value& answer) { on_value(answer); },
            [on_error](const caf::error& reason) { on_error(to_store_error(reason)); });
  }

  void open(const std::shared_ptr<feed>& which);
  void read(const std::shared_ptr<feed>& which, std::int64_t position, page_size most);
  void close(const std::shared_ptr<feed>& which);

private:
  [[nodiscard]] const reader_actor& next_reader();

  simulated_gateway::pointer self_;
  services_ptr peers_;
  std::size_t last_reader_ = 0;
  hub feeds_;
  room_joins<simulated_gateway::pointer> joins_;
  std::shared_ptr<client_memory> memory_ = std::make_shared<client_memory>();
};

/// Where a gateway's state is, once it runs.
using gateway_place = std::shared_ptr<simulated_gateway_state*>;

simulated_gateway start_gateway(caf::actor_system& system, services_ptr peers, const gateway_place& place);

} // namespace troupe
