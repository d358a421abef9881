#pragma once

#include "actors/interfaces.hpp"
#include "tests/actors/actor_fixture.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Other nodes, played by actors of the test's own process: to the cluster actor a
/// peer is whoever has said `hello` to it.
namespace troupe {

/// What a peer has been told, and how it behaves.
struct peer_log {
  node_record node;
  uuid link = make_uuid();
  caf::actor self;
  peer_state state;
  /// Which one it says that it is on.
  std::string database{};

  std::optional<welcome> answer;
  std::optional<caf::error> refusal;
  std::vector<interest_changed> interests;
  std::vector<events_relayed> relayed;
  std::vector<node_status> statuses;
  std::vector<end_task_there> endings;
  std::vector<model_paused> pauses;
  int wakes = 0;
  int closes = 0;

  /// It notes no interest, as if it were frozen.
  bool silent = false;
  /// How it answers when it is to end a task; without, it does not.
  std::function<task_ended_there(const end_task_there&)> end = [](const auto&) { return task_ended_there{}; };

  /// The message's first field, as this peer's.
  [[nodiscard]] link_end from() const { return {node.id, link}; }
};

using peer_ptr = std::shared_ptr<peer_log>;

/// A node in a cluster, and others.
class cluster_fixture : public actor_fixture {
protected:
  void SetUp() override {
    faults_->shared = true;
    start_node();
  }

  /// A node that the database knows, so that it is missed while it is not linked.
  peer_ptr list_peer(std::string name, peer_state state = {}) {
    auto log = std::make_shared<peer_log>();
    log->node.id = make_uuid();
    log->node.name = std::move(name);
    log->state = state;
    faults_->other_nodes.push_back(log->node);
    return log;
  }

  /// One that says hello to `addressee`, by default the node of the test, and tells it its rooms as a node without any
  /// does.
  peer_ptr make_peer(std::string name, peer_state state = {}, std::optional<uuid> addressee = std::nullopt) {
    return greet(list_peer(std::move(name), state), addressee.value_or(config_.cluster.node_id));
  }

  /// A node that is not in the table of the test's own.
  peer_ptr make_stranger(std::string name, std::string database = {}) {
    auto log = std::make_shared<peer_log>();
    log->node.id = make_uuid();
    log->node.name = std::move(name);
    log->database = std::move(database);
    return greet(log, config_.cluster.node_id);
  }

  peer_ptr greet(const peer_ptr& log, const uuid& addressee) {
    log->self = system_.spawn([log, addressee, home = peers()->cluster](caf::event_based_actor* self) {
      self->request(home, caf::infinite, hello{log->from(), addressee, log->node.name, log->state, log->database})
        .then([log](const welcome& answer) { log->answer = answer; },
              [log](const caf::error& reason) { log->refusal = reason; });
      return behave(self, log);
    });
    track(log->self);
    run();
    if (log->answer) {
      value_of(ask<interest_noted>(peers()->cluster, interest_changed{log->from(), true, false, {}, {}}));
    }
    return log;
  }

  static caf::behavior behave(caf::event_based_actor*, const peer_ptr& log) {
    return {
      [log](const link_closed&) { ++log->closes; },
      [log](const node_status& status) { log->statuses.push_back(status); },
      [log](const interest_changed& change) -> caf::result<interest_noted> {
        log->interests.push_back(change);
        // Whoever gets no answer waits until its request times out.
        if (log->silent)
          return caf::delegated<interest_noted>{};
        return interest_noted{log->from()};
      },
      [log](const events_relayed& commit) { log->relayed.push_back(commit); },
      [](const relay_taken&) {},
      [log](const work_waiting&) { ++log->wakes; },
      [log](const model_paused& paused) { log->pauses.push_back(paused); },
      [log](const end_task_there& request) -> caf::result<task_ended_there> {
        log->endings.push_back(request);
        if (!log->end)
          return caf::delegated<task_ended_there>{};
        return log->end(request);
      },
    };
  }

  /// What the peer says to the node, without an answer.
  template <class Message>
  void tell(const Message& message) {
    caf::anon_send(peers()->cluster, message);
    run();
  }

  /// The peer has subscribers in these rooms.
  void want(const peer_ptr& peer, std::vector<room> rooms) {
    value_of(ask<interest_noted>(peers()->cluster, interest_changed{peer->from(), false, true, std::move(rooms), {}}));
  }

  /// A commit of the peer with one event per position from `begin` + 1 to `end`.
  events_relayed commit_of(const peer_ptr& peer, std::int64_t begin, std::int64_t end, std::string user = "ada") {
    events_relayed commit{peer->from(), begin, end, {{make_uuid(), make_uuid(), "default", std::move(user)}}, {}};
    for (auto at = begin + 1; at <= end; ++at)
      commit.events.push_back({0, at, at, 1, event_type::chat_chunk, 0, "{}"});
    return commit;
  }

  static room thread_room(const uuid& id) { return {room::kind::task, id, {}}; }
  static room user_room(std::string name) { return {room::kind::user, {}, std::move(name)}; }
  static room ns_room(std::string name) { return {room::kind::ns, {}, std::move(name)}; }
};

} // namespace troupe
