#pragma once

#include "actors/broadcast/commit_order.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/rooms.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

/// The broadcaster passes what was committed on to the subscribers of its rooms: one
/// message per subscriber and commit, however many rooms match. Spawned by the node.
/// It holds no event: if it dies, subscribers that come back read what they missed
/// from the store, and no execution notices.
///
/// In a cluster it hears of the commits of other nodes too, from the cluster actor,
/// whom it tells which rooms it has. It passes all on in the order of their
/// positions; if some do not come, it says so (`events_missed`) and goes on. A room
/// is joined once every linked node knows of it: what they commit from then on
/// comes here, and what they had committed before is in the store.
namespace troupe {

class broadcaster_state {
public:
  static inline const char* name = "broadcaster";

  explicit broadcaster_state(broadcaster_actor::pointer self) : self_{self} {}

  void start(services_ptr peers, metrics_ptr measured);
  void relink(services_ptr peers);

  // -- rooms ------------------------------------------------------------------

  caf::typed_response_promise<done> join(const join_room& request);
  void leave(const leave_room& request);
  /// A subscriber died.
  void remove(const caf::actor_addr& gone);
  /// Nobody has joined for a while.
  void stop_if_idle(std::uint64_t number);

  // -- commits ----------------------------------------------------------------

  void take(const events_committed& commit);
  /// Has every subscriber look into the store.
  void tell_missed();
  /// A missing commit is overdue.
  void skip_missing();

  // -- the cluster ------------------------------------------------------------

  void links_changed_to(bool complete);
  /// Has the store say how far it is; what it has and did not come is missed.
  void look(std::uint64_t number);

private:
  using batch_list = std::vector<event_batch>;

  /// A room that not every linked node knows of yet.
  struct pending_room {
    std::uint64_t number = 0;
    std::vector<caf::typed_response_promise<done>> waiting;
  };

  // -- rooms ------------------------------------------------------------------

  void add_member(const join_room& request);
  void announce(const room& where);
  void announced(const room& where, std::uint64_t number);
  void emptied(const room& where);
  void answer_ready();
  void tell_cluster(rooms_changed change);

  // -- commits ----------------------------------------------------------------

  void begin_order();
  void order_begun(std::int64_t position);
  void publish(const event_batch& events);
  void publish(const batch_list& batches);
  void watch_for_missing();
  void look_later();

  broadcaster_actor::pointer self_;
  services_ptr peers_;
  metrics_ptr metrics_;
  room_directory<subscriber_actor> rooms_;
  std::vector<subscriber_actor> known_;

  // -- the cluster ------------------------------------------------------------

  /// Others relay their commits to this node.
  bool listening_ = false;
  commit_order<event_batch> order_{std::chrono::milliseconds{100}};
  std::map<room, pending_room> pending_;
  /// Known to every node, but the order has not begun.
  std::vector<caf::typed_response_promise<done>> ready_;
  bool beginning_ = false;
  /// Rooms were joined before the order could begin.
  bool began_late_ = false;
  bool complete_ = false;
  bool looking_ = false;
  bool watching_ = false;
  /// Delayed messages cannot be taken back; old numbers are ignored instead.
  std::uint64_t last_number_ = 0;
  std::uint64_t look_number_ = 0;
  std::uint64_t idle_number_ = 0;
};

broadcaster_actor::behavior_type broadcaster(broadcaster_actor::stateful_pointer<broadcaster_state> self,
                                             services_ptr peers, metrics_ptr measured);

} // namespace troupe
