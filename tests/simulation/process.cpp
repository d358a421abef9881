#include "tests/simulation/process.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_registry.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

caf::actor_system_config& configure_simulated(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::troupe_wire>();
  config.add_message_types<caf::id_block::troupe_messages>();
  config.add_message_types<caf::id_block::troupe_handles>();
  config.add_message_types<caf::id_block::troupe_simulation>();
  config.set("scheduler.policy", caf::atom("testing"));
  return config;
}

process::process(world& w, network& net, outside& beyond, memory_server& server, process_options options)
  : world_{w}, network_{net}, options_{std::move(options)}, node_id_{make_uuid()},
    system_{std::make_unique<caf::actor_system>(configure_simulated(config_))}, server_{server} {
  system_->await_actors_before_shutdown(false);
  coordinator().run();
  coordinator().clock().advance_time(world_.steady() - coordinator().clock().now());
  actors_at_start_ = system_->registry().running();
  start(server, beyond);
  world_.add(this);
}

process::~process() {
  kill();
}

caf::scheduler::test_coordinator& process::coordinator() {
  return static_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
}

void process::start(memory_server& server, outside& beyond) {
  store_ = reached_by(server.open([this] { return world_.steady(); }), way_);
  node_config config;
  config.store = store_;
  config.readers = 1;
  config.measured = std::make_shared<metrics>();
  config.detached = false;
  config.give_up = [this](std::string why) { given_up_.push_back(std::move(why)); };
  clock_function clock = [store = store_] { return store->now(); };
  if (options_.trusts_own_clock)
    clock = [this] { return world_.now() + options_.clock_error; };
  config.supervisor = {.capacity = options_.capacity,
                       .node = options_.name,
                       .node_id = node_id_,
                       .lease_ttl = options_.lease,
                       .clock = clock,
                       .random = [this] { return static_cast<double>(world_.random_below(1U << 20U)) / (1U << 20U); }};
  config.cluster = {.node_id = node_id_, .name = options_.name, .clock = clock};
  config.network = network_.connector_of(*this);
  config.outbound = outbound_ = beyond.client([this] { return alive_; });
  node_ = system_->spawn(troupe::node, std::move(config));
  const add_service service{"gateway", [this](caf::actor_system& system, services_ptr now) {
                              gateway_ = start_gateway(system, std::move(now), gateway_state_);
                              return caf::actor_cast<caf::actor>(gateway_);
                            }};
  caf::anon_send(node_, service);
}

// -- what befalls it ----------------------------------------------------------------

void process::kill() {
  if (!std::exchange(alive_, false))
    return;
  way_->is_over = true;
  world_.remove(this);
  network_.host_ended(*this);
  server_.end_session(node_id_);
  empty();
}

void process::empty() {
  *gateway_state_ = nullptr;
  caf::anon_send(node_, stop_node{});
  if (gateway_)
    caf::anon_send_exit(gateway_, caf::exit_reason::kill);
  auto& clock = coordinator().clock();
  coordinator().run();
  // What waits for an answer that does not come, ends with its time.
  for (int alarms = 0; system_->registry().running() > actors_at_start_ && alarms < 10'000 && !clock.schedule().empty();
       ++alarms) {
    clock.trigger_timeout();
    coordinator().run();
  }
  gateway_ = nullptr;
  node_ = nullptr;
  // The system itself stays: promises of its actors may still be held elsewhere.
  store_.reset();
}

void process::freeze() {
  if (alive_ && !std::exchange(frozen_, true))
    network_.host_frozen(*this);
}

void process::thaw() {
  if (!alive_ || !std::exchange(frozen_, false))
    return;
  advance_to(world_.steady());
  network_.host_thawed(*this);
}

void process::set_way(bool open) {
  way_->is_open = open;
  if (!open)
    server_.end_session(node_id_);
}

void process::crash_service(std::int64_t which) {
  // A writer ends by an exception, and answers those who wait for it.
  constexpr std::int64_t writer = 1;
  if (which % 9 == writer) {
    (world_.random_below(2) == 0 ? way_->breaks_before : way_->breaks_after) = true;
    return;
  }
  at_gateway([this, which](simulated_gateway_state& gateway) {
    const auto& now = gateway.peers();
    const std::vector<caf::actor_addr> services{
      now.broadcaster.address(), now.writer.address(),  now.readers.at(0).address(),
      now.models.address(),      now.tools.address(),   now.scheduler.address(),
      now.supervisor.address(),  now.cluster.address(), now.connector.address()};
    const auto& chosen = services[static_cast<std::size_t>(which) % services.size()];
    if (const auto service = caf::actor_cast<caf::actor>(chosen))
      caf::anon_send_exit(service, caf::exit_reason::kill);
  });
}

void process::drain(std::chrono::milliseconds grace, const std::function<void()>& ended) {
  const auto asked = at_gateway([this, grace, ended](simulated_gateway_state& gateway) {
    const auto stop = [this, ended] {
      caf::anon_send(node_, stop_node{});
      world_.after(std::chrono::seconds{3}, ended);
    };
    gateway.ask<drained>(
      gateway.peers().supervisor, troupe::drain{grace}, [stop](const drained&) { stop(); },
      [stop](const store_error&) { stop(); });
  });
  if (!asked)
    world_.after(std::chrono::seconds{1}, ended);
}

// -- for clients ----------------------------------------------------------------------

bool process::at_gateway(const std::function<void(simulated_gateway_state&)>& what) {
  if (!alive_ || !gateway_)
    return false;
  caf::anon_send(gateway_, run_here{[this, what] {
                   if (*gateway_state_)
                     what(**gateway_state_);
                 }});
  return true;
}

// -- one thing at a time --------------------------------------------------------------

bool process::waits(const caf::resumable* job) const {
  if (way_->is_open || !*gateway_state_)
    return false;
  const auto& writer = (*gateway_state_)->peers().writer;
  return writer && dynamic_cast<const caf::resumable*>(caf::actor_cast<caf::abstract_actor*>(writer)) == job;
}

bool process::has_work() {
  if (!alive_ || frozen_)
    return false;
  const auto& jobs = coordinator().jobs;
  if (jobs.empty())
    return false;
  return way_->is_open || std::any_of(jobs.begin(), jobs.end(), [this](const auto* job) { return !waits(job); });
}

void process::work(std::uint64_t choice) {
  auto& jobs = coordinator().jobs;
  auto index = static_cast<std::ptrdiff_t>(choice % jobs.size());
  while (waits(jobs[static_cast<std::size_t>(index)]))
    index = (index + 1) % static_cast<std::ptrdiff_t>(jobs.size());
  std::swap(jobs.front(), jobs[static_cast<std::size_t>(index)]);
  coordinator().run_once();
}

std::optional<world::time_point> process::next_alarm() {
  if (!alive_ || frozen_)
    return std::nullopt;
  const auto& schedule = coordinator().clock().schedule();
  return schedule.empty() ? std::nullopt : std::optional{schedule.begin()->first};
}

void process::advance_to(world::time_point now) {
  if (!alive_ || frozen_)
    return;
  // Also where no time passes: something may be due at once.
  auto& clock = coordinator().clock();
  clock.advance_time(now - clock.now());
}

} // namespace troupe
