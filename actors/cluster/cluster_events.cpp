#include "actors/cluster/cluster.hpp"
#include "actors/cluster/relay.hpp"
#include "actors/timeouts.hpp"

#include <caf/sec.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <utility>

/// Rooms, and the commits that concern them.
namespace troupe {

namespace {

/// Relayed events that a node may leave waiting before its link is given up: it finds
/// them in the store, and here they would fill the memory.
constexpr std::uint64_t most_under_way = 32U << 20U;

/// How often a receiver says what it has taken.
constexpr std::uint64_t taken_step = 256U << 10U;

} // namespace

// -- this node's rooms ------------------------------------------------------------

caf::typed_response_promise<done> cluster_state::change_rooms(const rooms_changed& change) {
  auto promise = self_->make_response_promise<done>();
  interest_.listen(change.listening);
  for (const auto& where : change.joined)
    interest_.join(where);
  for (const auto& where : change.left)
    interest_.leave(where);
  next_round_.push_back(promise);
  exchange();
  return promise;
}

void cluster_state::exchange() {
  if (!awaited_.empty() || next_round_.empty())
    return;
  this_round_ = std::exchange(next_round_, {});
  ++round_;
  if (interest_.has_news()) {
    const auto news = interest_.take_news();
    for (const auto& [node, one] : links_) {
      if (!one.told)
        continue;
      awaited_.insert(node);
      self_
        ->request(one.peer, timeouts::link,
                  interest_changed{end_of(one), false, news.listening, news.joined, news.left})
        .then([this, id = node, round = round_](const interest_noted&) { noted(id, round); },
              [this, id = node, number = one.number](const caf::error& reason) {
                if (find_link({id, number}))
                  drop_link(id, loggable(reason));
              });
    }
  }
  finish_exchange();
}

void cluster_state::noted(const uuid& node, std::uint64_t round) {
  if (round == round_ && awaited_.erase(node) > 0)
    finish_exchange();
}

void cluster_state::finish_exchange() {
  if (!awaited_.empty())
    return;
  for (auto& promise : std::exchange(this_round_, {}))
    promise.deliver(done{});
  exchange();
}

void cluster_state::tell_rooms(const uuid& node) {
  auto& one = links_.at(node);
  one.told = true;
  const auto all = interest_.all();
  self_->request(one.peer, timeouts::link, interest_changed{end_of(one), true, all.listening, all.joined, {}})
    .then(
      [this, node, number = one.number](const interest_noted&) {
        if (auto* found = find_link({node, number})) {
          found->confirmed = true;
          // What it committed while there was no link did not come.
          report_links(true);
        }
      },
      [this, node, number = one.number](const caf::error& reason) {
        if (find_link({node, number}))
          drop_link(node, loggable(reason));
      });
}

void cluster_state::forget_rooms() {
  interest_.clear();
  std::vector<uuid> told;
  for (const auto& [node, one] : links_)
    if (one.told)
      told.push_back(node);
  for (const auto& node : told)
    tell_rooms(node);
}

// -- the others' rooms ------------------------------------------------------------

caf::result<interest_noted> cluster_state::take_interest(const interest_changed& change) {
  auto* from = find_link(change.from);
  if (!from)
    return caf::make_error(errc::not_found, std::string{"There is no such link."});
  if (change.whole)
    wanted_.remove(change.from.node);
  from->listening = change.listening;
  for (const auto& where : change.joined) {
    // A room may be told twice, and is left once.
    wanted_.leave(where, change.from.node);
    wanted_.join(where, change.from.node);
  }
  for (const auto& where : change.left)
    wanted_.leave(where, change.from.node);
  const interest_noted answer{end_of(*from)};
  if (!from->told)
    tell_rooms(change.from.node);
  return answer;
}

// -- commits ----------------------------------------------------------------------

void cluster_state::relay(const events_committed& commit) {
  std::vector<uuid> listeners;
  for (const auto& [node, one] : links_)
    if (one.listening)
      listeners.push_back(node);
  if (listeners.empty())
    return;
  auto parts = share_out(*commit.events, wanted_);
  for (const auto& node : listeners) {
    auto& one = links_.at(node);
    auto part = std::move(parts[node]);
    part.from = end_of(one);
    part.begin = commit.from;
    part.end = commit.to;
    metrics_->events_relayed(part.events.size());
    one.bytes_under_way += size_of(part);
    self_->send(one.peer, std::move(part));
    if (one.bytes_under_way > most_under_way)
      drop_link(node, "it takes events too slowly");
  }
}

void cluster_state::take_room(const relay_taken& taken) {
  if (auto* from = find_link(taken.from))
    from->bytes_under_way -= std::min(from->bytes_under_way, taken.bytes);
}

void cluster_state::take_events(events_relayed& commit) {
  auto* from = find_link(commit.from);
  // Before it has answered, its commits lack the events of rooms that it does not know.
  if (!from || !from->confirmed)
    return;
  from->bytes_taken += size_of(commit);
  if (from->bytes_taken >= taken_step)
    self_->send(from->peer, relay_taken{end_of(*from), std::exchange(from->bytes_taken, 0)});
  if (!peers_->broadcaster)
    return;
  const auto begin = commit.begin;
  const auto end = commit.end;
  self_->send(peers_->broadcaster, events_committed{unpack(commit), begin, end});
}

} // namespace troupe
