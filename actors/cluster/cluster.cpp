#include "actors/cluster/cluster.hpp"

#include "actors/cluster/node_address.hpp"
#include "actors/timeouts.hpp"
#include "persistence/logging/say.hpp"

#include <caf/actor_cast.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <utility>

/// Signs of life, and links.
namespace troupe {

namespace {

constexpr std::chrono::seconds announce_interval{2};

/// A node whose handshake fails has other certificates, or is of another version: that
/// takes time to change, and trying again and again disturbs its links.
constexpr std::chrono::seconds avoidance{30};

/// Nodes that are started together see each other at the second one.
constexpr std::chrono::milliseconds first_interval{300};

} // namespace

void cluster_state::start(services_ptr peers, cluster_config config, metrics_ptr measured) {
  peers_ = std::move(peers);
  config_ = std::move(config);
  metrics_ = std::move(measured);
  metrics_->linked_to(0);
  started_at_ = config_.clock();
  if (config_.links)
    open_port();
  else
    announce();
}

void cluster_state::relink(services_ptr peers) {
  const auto same_broadcaster = peers_->broadcaster == peers->broadcaster;
  peers_ = std::move(peers);
  if (same_broadcaster)
    return;
  // The new one has no subscribers yet, and knows of no links.
  forget_rooms();
  report_links(true);
}

// -- signs of life ----------------------------------------------------------------

void cluster_state::ask_load(std::function<void()> then) {
  if (!peers_->supervisor) {
    then();
    return;
  }
  self_->request(peers_->supervisor, timeouts::get_load, get_load{})
    .then(
      [this, then](const node_load& now) {
        load_ = now;
        then();
      },
      [this, then](const caf::error&) {
        // It died, and its tasks with it.
        load_.lease = {};
        load_.running = 0;
        then();
      });
}

node_record cluster_state::describe() const {
  node_record node;
  node.id = config_.node_id;
  node.name = config_.name;
  node.role = config_.role;
  node.health = load_.draining ? node_health::draining : node_health::alive;
  node.version = TROUPE_VERSION;
  node.address = address_;
  node.lease = load_.lease;
  node.capacity = load_.capacity;
  node.running = load_.running;
  node.started_at = started_at_;
  return node;
}

void cluster_state::announce() {
  const auto first = !std::exchange(announced_, true);
  self_->delayed_send(self_, first ? first_interval : announce_interval, announce_tick{});
  show_life();
}

void cluster_state::show_life() {
  // While the database is away the last one still waits.
  if (leaving_ || std::exchange(announcing_, true))
    return;
  ask_load([this] {
    if (!leaving_)
      send_announcement(false, [this] { announcing_ = false; });
  });
}

void cluster_state::send_announcement(bool leaving, std::function<void()> then) {
  self_->request(peers_->writer, timeouts::store_write, announce_node{describe(), leaving})
    .then(
      [this, then](node_list& found) {
        listed(found);
        then();
      },
      [then](const caf::error& reason) {
        say::warn("this node could not announce itself: {}", loggable(reason));
        then();
      });
}

caf::typed_response_promise<done> cluster_state::leave() {
  auto promise = self_->make_response_promise<done>();
  leaving_ = true;
  send_announcement(true, [promise]() mutable { promise.deliver(done{}); });
  return promise;
}

void cluster_state::listed(node_list& found) {
  if (found.database != database_)
    part_from_all();
  database_ = std::move(found.database);
  others_ = std::move(found.nodes);
  std::erase_if(others_,
                [this](const auto& node) { return node.id == config_.node_id || node.health == node_health::lost; });
  std::erase_if(avoided_, [now = self_->clock().now()](const auto& entry) { return entry.second <= now; });
  for (const auto& node : others_)
    if (is_to_be_dialled(node))
      dial(node);
  report_links(false);
  share_limits();
}

// -- links ------------------------------------------------------------------------

template <class Greeting>
cluster_state::link& cluster_state::add_link(const Greeting& greeting, const peer_actor& peer) {
  const auto& [node, number] = greeting.from;
  drop_link(node, "it makes a new one");
  self_->monitor(peer);
  auto& made = links_[node];
  made.number = number;
  made.peer = peer;
  made.name = greeting.name;
  made.state = greeting.state;
  say::info("linked to node {}", made.name);
  metrics_->linked_to(links_.size());
  wakes_.update(node, made.state.draining ? 0 : made.state.capacity - made.state.running);
  told_state_.reset();
  if (!std::exchange(status_ticking_, true))
    status_later();
  return made;
}

void cluster_state::open_port() {
  self_
    ->request(peers_->connector, timeouts::open_door,
              open_door{peer_actor{cluster_actor{self_}}, config_.host, config_.port})
    .then(
      [this](const door& opened) {
        address_ = to_address(config_.host, opened.port);
        say::info("node {} takes links on {}", config_.name, address_);
        announce();
      },
      [this](caf::error& reason) {
        say::error("other nodes cannot link to {}: {}", to_address(config_.host, config_.port), loggable(reason));
        self_->quit(std::move(reason));
      });
}

bool cluster_state::is_to_be_dialled(const node_record& node) const {
  return config_.links && !leaving_ && !node.address.empty() && node.id < config_.node_id && !links_.contains(node.id)
         && !dialling_.contains(node.id) && !avoided_.contains(node.id);
}

void cluster_state::dial(const node_record& node) {
  const auto where = parse_address(node.address);
  if (!where)
    return;
  dialling_.insert(node.id);
  self_->request(peers_->connector, timeouts::connect, connect_to{where->host, where->port})
    .then([this, node](const connected& found) { greet(node, found.peer); },
          [this, node](const caf::error& reason) { not_reached(node, reason); });
}

void cluster_state::not_reached(const node_record& node, const caf::error& reason) {
  dialling_.erase(node.id);
  if (reason == caf::sec::incompatible_application_ids || reason == caf::sec::malformed_basp_message
      || reason == caf::sec::disconnect_during_handshake) {
    avoided_[node.id] = self_->clock().now() + avoidance;
    say::warn("node {} at {} refuses links: {}", node.name, node.address, loggable(reason));
    return;
  }
  say::info("node {} cannot be reached at {}: {}", node.name, node.address, loggable(reason));
}

void cluster_state::greet(const node_record& node, const peer_actor& peer) {
  const link_end offered{config_.node_id, make_uuid()};
  self_->request(peer, timeouts::link, hello{offered, node.id, config_.name, state_now(), database_})
    .then(
      [this, node, peer, offered](const welcome& answer) {
        dialling_.erase(node.id);
        if (answer.from != link_end{node.id, offered.link})
          return;
        add_link(answer, peer);
        tell_rooms(node.id);
      },
      [this, node](const caf::error& reason) {
        dialling_.erase(node.id);
        say::warn("node {} at {} does not take a link: {}", node.name, node.address, loggable(reason));
      });
}

bool cluster_state::is_listed(const uuid& node) const {
  return std::any_of(others_.begin(), others_.end(), [&](const auto& other) { return other.id == node; });
}

caf::error cluster_state::judge(const hello& offer) const {
  // Somebody else may have had this address before.
  if (offer.to != config_.node_id)
    return caf::make_error(errc::not_found, "This is node " + config_.name + ", and not the one that was called.");
  if (offer.database != database_)
    return caf::make_error(errc::not_found,
                           "Node " + config_.name + " is on another database, or on a copy of this one.");
  if (!is_listed(offer.from.node))
    return caf::make_error(errc::not_found,
                           "Node " + config_.name + " does not find the caller among the nodes of its database.");
  return {};
}

caf::typed_response_promise<welcome> cluster_state::take_hello(const hello& offer) {
  // A promise takes the sender with it.
  const auto peer = caf::actor_cast<peer_actor>(self_->current_sender());
  auto promise = self_->make_response_promise<welcome>();
  auto answer = [this, promise, offer, peer]() mutable {
    if (auto refusal = judge(offer)) {
      promise.deliver(std::move(refusal));
      return;
    }
    const auto& made = add_link(offer, peer);
    promise.deliver(welcome{end_of(made), config_.name, state_now()});
  };
  if (!peer) {
    promise.deliver(caf::make_error(errc::not_found, std::string{"A link needs somebody at its other end."}));
    return promise;
  }
  // One that has just started may not have been there at the last look.
  if (is_listed(offer.from.node))
    answer();
  else
    send_announcement(false, answer);
  return promise;
}

void cluster_state::part_from_all() {
  std::vector<uuid> nodes;
  for (const auto& [node, one] : links_)
    nodes.push_back(node);
  for (const auto& node : nodes)
    drop_link(node, "this node's database is another one now");
}

void cluster_state::drop_link(uuid node, std::string_view why) {
  const auto found = links_.find(node);
  if (found == links_.end())
    return;
  say::info("no link to node {} any more: {}", found->second.name, why);
  const auto gone = std::move(found->second);
  links_.erase(found);
  self_->demonitor(gone.peer.address());
  self_->send(gone.peer, link_closed{end_of(gone)});
  metrics_->linked_to(links_.size());
  wakes_.remove(node);
  wanted_.remove(node);
  noted(node, round_);
  report_links(false);
}

cluster_state::link* cluster_state::find_link(const link_end& from) {
  const auto found = links_.find(from.node);
  return found != links_.end() && found->second.number == from.link ? &found->second : nullptr;
}

void cluster_state::take_close(const link_closed& closed) {
  if (find_link(closed.from))
    drop_link(closed.from.node, "the other end has closed it");
}

void cluster_state::peer_ended(const caf::down_msg& down) {
  const auto found = std::find_if(links_.begin(), links_.end(),
                                  [&](const auto& entry) { return entry.second.peer.address() == down.source; });
  if (found == links_.end())
    return;
  // One that was linked a moment ago may hold a lease and not have said so.
  const auto node = found->first;
  const auto lease = found->second.state.lease;
  drop_link(node, loggable(down.reason));
  if (peers_->supervisor)
    self_->send(peers_->supervisor, node_suspected{lease.is_nil() ? node : lease});
}

void cluster_state::report_links(bool news) {
  const auto complete = std::all_of(others_.begin(), others_.end(), [this](const auto& node) {
    const auto found = links_.find(node.id);
    return found != links_.end() && found->second.confirmed;
  });
  if ((std::exchange(complete_, complete) != complete || news) && peers_->broadcaster)
    self_->send(peers_->broadcaster, links_changed{complete});
}

// -- the actor --------------------------------------------------------------------

cluster_actor::behavior_type cluster(cluster_actor::stateful_pointer<cluster_state> self, services_ptr peers,
                                     cluster_config config, metrics_ptr measured) {
  self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
  self->set_down_handler([self](const caf::down_msg& down) { self->state.peer_ended(down); });
  // A message that cannot be read is the sender's mistake.
  self->set_error_handler([](const caf::error& reason) { say::warn("from a link: {}", loggable(reason)); });
  self->state.start(std::move(peers), std::move(config), std::move(measured));
  return {
    [self](const hello& offer) { return self->state.take_hello(offer); },
    [self](const link_closed& closed) { self->state.take_close(closed); },
    [self](const node_status& status) { self->state.take_status(status); },
    [self](const interest_changed& change) { return self->state.take_interest(change); },
    [self](events_relayed& commit) { self->state.take_events(commit); },
    [self](const relay_taken& taken) { self->state.take_room(taken); },
    [self](const work_waiting& waiting) { self->state.take_work(waiting); },
    [self](const model_paused& paused) { self->state.take_pause(paused); },
    [self](const end_task_there& request) { return self->state.end_here(request); },
    [self](const rooms_changed& change) { return self->state.change_rooms(change); },
    [self](const events_committed& commit) { self->state.relay(commit); },
    [self](const work_left& work) { self->state.wake_others(work); },
    [self](const end_elsewhere& request) { return self->state.end_there(request); },
    [self](const leave_cluster&) { return self->state.leave(); },
    [self](const pause_model& pause) { self->state.pause_everywhere(pause); },
    [self](const announce_tick&) { self->state.announce(); },
    [self](const status_tick&) { self->state.tell_status(); },
    [self](const wake_tick&) { self->state.wake_due(); },
    [self](const services_changed& changed) { self->state.relink(changed.now); },
  };
}

} // namespace troupe
