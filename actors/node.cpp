#include "actors/node.hpp"

#include "actors/broadcast/broadcaster.hpp"
#include "actors/models/models.hpp"
#include "actors/store/reader.hpp"
#include "actors/store/writer.hpp"
#include "actors/tasks/scheduler.hpp"
#include "actors/tasks/task_supervisor.hpp"
#include "actors/timeouts.hpp"
#include "actors/tools/tools.hpp"
#include "persistence/logging/say.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>

namespace troupe {

namespace {

/// Detached if the service blocks and the configuration lets it.
template <class F, class... Ts>
auto spawn_blocking(node_actor::pointer self, bool detached, F f, Ts... args) {
  return detached ? self->spawn<caf::detached>(f, std::move(args)...) : self->spawn(f, std::move(args)...);
}

/// How often a node looks whether others have left work: a wake-up that got lost costs
/// no more than this.
constexpr std::chrono::seconds poll_interval{1};

} // namespace

void node_state::start(node_config config) {
  config_ = std::move(config);
  start_services();
  if (config_.store->info().shared)
    start_cluster();
}

void node_state::start_services() {
  const auto polls = config_.store->info().shared && config_.supervisor.claims;
  // In the order of who needs whom; a handle that is still null is passed on by tell_all().
  add_child("broadcaster", knows::peers, [this](services& s) {
    s.broadcaster = self_->spawn(broadcaster, services_, config_.measured);
    return s.broadcaster.address();
  });
  add_child("writer", knows::peers, [this](services& s) {
    s.writer = spawn_blocking(self_, config_.detached, writer, config_.store, services_, config_.measured);
    return s.writer.address();
  });
  for (std::size_t i = 0; i < config_.readers; ++i) {
    add_child("reader", knows::nobody, [this, i](services& s) {
      s.readers.resize(std::max(s.readers.size(), i + 1));
      s.readers[i] = spawn_blocking(self_, config_.detached, reader, config_.store, reading::at_once);
      return s.readers[i].address();
    });
  }
  add_child("page reader", knows::nobody, [this](services& s) {
    s.page_reader = spawn_blocking(self_, config_.detached, reader, config_.store,
                                   config_.detached ? reading::behind_others : reading::at_once);
    return s.page_reader.address();
  });
  add_child("models", knows::peers, [this](services& s) {
    s.models
      = self_->spawn(models, services_, models_config{config_.outbound, config_.supervisor.clock, config_.secrets});
    return s.models.address();
  });
  add_child("tools", knows::nobody, [this](services& s) {
    s.tools = self_->spawn(tools, tools_config{config_.outbound, config_.supervisor.clock, config_.secrets});
    return s.tools.address();
  });
  add_child("scheduler", knows::peers, [this, polls](services& s) {
    s.scheduler = self_->spawn(scheduler, services_, config_.supervisor.clock,
                               polls ? std::optional<std::chrono::milliseconds>{poll_interval} : std::nullopt);
    return s.scheduler.address();
  });
  add_child("task_supervisor", knows::peers, [this](services& s) {
    s.supervisor = self_->spawn(task_supervisor, services_, config_.measured, config_.supervisor);
    return s.supervisor.address();
  });
}

void node_state::start_cluster() {
  if (config_.cluster.links) {
    add_child("connector", knows::nobody, [this](services& s) {
      s.connector = config_.network ? config_.network(self_->system())
                                    : spawn_blocking(self_, config_.detached, connector, config_.connector);
      return s.connector.address();
    });
  }
  add_child("cluster", knows::peers, [this](services& s) {
    s.cluster = self_->spawn(cluster, services_, config_.cluster, config_.measured);
    return s.cluster.address();
  });
}

void node_state::add(add_service service) {
  // Held, since nobody else may do so, and what nobody holds ends.
  add_child(std::move(service.name), knows::peers,
            [this, start = std::move(service.start), held = caf::actor{}](services&) mutable {
              held = start(self_->system(), services_);
              return held.address();
            });
}

void node_state::add_child(std::string service, knows whom, start_function start) {
  children_.push_back({std::move(service), whom, std::move(start), {}});
  start_child(children_.back());
}

void node_state::start_child(child& which) {
  auto next = std::make_shared<services>(*services_);
  which.address = which.start(*next);
  services_ = std::move(next);
  self_->monitor(which.address);
  tell_all();
}

void node_state::tell_all() {
  const services_changed changed{services_};
  for (const auto& one : children_)
    if (const auto actor = caf::actor_cast<caf::actor>(one.address); actor && one.whom == knows::peers)
      caf::anon_send(actor, changed);
}

void node_state::service_ended(const caf::down_msg& down) {
  const auto found
    = std::find_if(children_.begin(), children_.end(), [&](const auto& c) { return c.address == down.source; });
  if (found == children_.end())
    return;
  if (!stopping_.empty()) {
    children_.erase(found);
    stopped_if_empty();
    return;
  }
  say::error("service {} died and is started again: {}", found->service, loggable(down.reason));
  config_.measured->service_restarted(found->service);
  if (!config_.intensity.allow(self_->clock().now())) {
    config_.give_up("The service " + found->service + " keeps dying: " + loggable(down.reason));
    self_->quit(down.reason);
    return;
  }
  start_child(*found);
}

caf::typed_response_promise<done> node_state::stop() {
  auto promise = self_->make_response_promise<done>();
  stopping_.push_back(promise);
  if (stopping_.size() > 1)
    return promise;
  if (services_->cluster)
    self_->request(services_->cluster, timeouts::leave, leave_cluster{})
      .then([this](const done&) { end_services(); }, [this](const caf::error&) { end_services(); });
  else
    end_services();
  return promise;
}

void node_state::end_services() {
  // Those who ask end before those who answer.
  for (auto one = children_.rbegin(); one != children_.rend(); ++one)
    if (const auto actor = caf::actor_cast<caf::actor>(one->address))
      self_->send_exit(actor, caf::exit_reason::user_shutdown);
  stopped_if_empty();
}

void node_state::stopped_if_empty() {
  if (!children_.empty())
    return;
  for (auto& promise : stopping_)
    promise.deliver(done{});
  services_ = nullptr;
  self_->quit();
}

node_actor::behavior_type node(node_actor::stateful_pointer<node_state> self, node_config config) {
  self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
  self->set_down_handler([self](const caf::down_msg& down) { self->state.service_ended(down); });
  self->state.start(std::move(config));
  return {
    [self](const get_services&) { return self->state.current(); },
    [self](add_service& service) {
      self->state.add(std::move(service));
      return done{};
    },
    [self](const stop_node&) { return self->state.stop(); },
  };
}

} // namespace troupe
