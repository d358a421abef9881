#pragma once

#include "actors/broadcast/interest.hpp"
#include "actors/clock.hpp"
#include "actors/cluster/wake_policy.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/rooms.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

/// The cluster actor is this node among others. It writes the node's sign of life and
/// reads there who else is about, links to them, and passes over the links what
/// makes a cluster quick: each commit's events to whoever has subscribers for them,
/// word of work that this node cannot take, and requests to end a task that runs
/// elsewhere. The database stays the only truth: whatever a link loses is found
/// there, later. Spawned by the node where the database is shared. If it dies, all
/// links break; its successor makes new ones.
///
/// A link joins two cluster actors. Of two nodes the younger one dials, so that there
/// is one connection; it says `hello`, is answered with `welcome`, and then each tells
/// the other its rooms (`interest_changed`). A `hello` is taken only from a node that
/// this one finds in its own table, of the same database: a copy of a database names
/// the original's nodes, which are none of its own. From the answer to that on, the other's
/// commits come here whole. A link that does not answer in time is given up by both
/// ends and made again at the next sign of life.
///
/// Its members stand in three files: cluster.cpp (signs of life and links),
/// cluster_events.cpp (rooms and commits), cluster_work.cpp (load, wake-ups, endings).
namespace troupe {

struct cluster_config {
  /// The process.
  uuid node_id;
  std::string name;
  node_role role = node_role::all;
  /// Whether it takes and makes links; without, it only announces itself.
  bool links = true;
  /// Where others reach it.
  std::string host = "127.0.0.1";
  /// 0 for any.
  std::uint16_t port = 0;
  clock_function clock;
};

class cluster_state {
public:
  static inline const char* name = "cluster";

  explicit cluster_state(cluster_actor::pointer self) : self_{self} {}

  void start(services_ptr peers, cluster_config config, metrics_ptr measured);
  void relink(services_ptr peers);

  // -- signs of life ----------------------------------------------------------

  void announce();
  caf::typed_response_promise<done> leave();

  // -- links ------------------------------------------------------------------

  caf::typed_response_promise<welcome> take_hello(const hello& offer);
  void take_status(const node_status& status);
  void take_close(const link_closed& closed);
  void peer_ended(const caf::down_msg& down);

  // -- rooms and commits ------------------------------------------------------

  caf::typed_response_promise<done> change_rooms(const rooms_changed& change);
  caf::result<interest_noted> take_interest(const interest_changed& change);
  void relay(const events_committed& commit);
  void take_events(events_relayed& commit);
  void take_room(const relay_taken& taken);

  // -- work -------------------------------------------------------------------

  void tell_status();
  void wake_others(const work_left& work);
  void wake_due();
  void take_work(const work_waiting& waiting);
  void pause_everywhere(const pause_model& pause);
  void take_pause(const model_paused& paused);
  caf::typed_response_promise<ending_done> end_there(const end_elsewhere& request);
  caf::result<task_ended_there> end_here(const end_task_there& request);

private:
  struct link {
    uuid number;
    peer_actor peer;
    std::string name;
    peer_state state;
    /// It has been sent this node's rooms, and is sent every change since.
    bool told = false;
    /// It has answered: its commits come here whole.
    bool confirmed = false;
    /// It wants to hear of commits.
    bool listening = false;
    /// Relayed, and not said to be taken.
    std::uint64_t bytes_under_way = 0;
    /// Taken, and not said so.
    std::uint64_t bytes_taken = 0;
  };

  // -- signs of life ----------------------------------------------------------

  void show_life();
  void ask_load(std::function<void()> then);
  [[nodiscard]] node_record describe() const;
  void send_announcement(bool leaving, std::function<void()> then);
  void listed(node_list& found);

  // -- links ------------------------------------------------------------------

  void open_port();
  [[nodiscard]] bool is_to_be_dialled(const node_record& node) const;
  void dial(const node_record& node);
  void not_reached(const node_record& node, const caf::error& reason);
  void greet(const node_record& node, const peer_actor& peer);
  /// Nothing, or why the offer is not for this node, or not of one of its database.
  [[nodiscard]] caf::error judge(const hello& offer) const;
  [[nodiscard]] bool is_listed(const uuid& node) const;
  /// A `hello` or a `welcome` makes it.
  template <class Greeting>
  link& add_link(const Greeting& from, const peer_actor& peer);
  void drop_link(uuid node, std::string_view why);
  void part_from_all();
  [[nodiscard]] link_end end_of(const link& one) const { return {config_.node_id, one.number}; }
  /// The link that a message came over; null if it is not one of now.
  link* find_link(const link_end& from);
  void report_links(bool news);

  // -- rooms and commits ------------------------------------------------------

  void tell_rooms(const uuid& node);
  void exchange();
  void noted(const uuid& node, std::uint64_t round);
  void finish_exchange();
  void forget_rooms();

  // -- work -------------------------------------------------------------------

  [[nodiscard]] peer_state state_now() const;
  void status_later();
  void wake(const std::vector<uuid>& nodes);
  /// Has the models' limits shared by all nodes that run tasks.
  void share_limits();

  /// A task that other nodes were asked to end.
  struct open_ending {
    caf::typed_response_promise<ending_done> promise;
    /// Those that have not answered.
    int nodes = 0;
    bool answered = false;

    template <class Answer>
    void answer(const Answer& last) {
      if (!std::exchange(answered, true))
        promise.deliver(last);
    }
    /// One of them does not run it, or does not answer.
    void pass() {
      if (--nodes == 0)
        answer(ending_done{false});
    }
  };

  cluster_actor::pointer self_;
  services_ptr peers_;
  cluster_config config_;
  metrics_ptr metrics_;

  // -- signs of life ----------------------------------------------------------

  timestamp started_at_{};
  /// `host:port`, once the port is open.
  std::string address_;
  bool announced_ = false;
  bool announcing_ = false;
  bool leaving_ = false;
  node_load load_;
  /// The other nodes, as the database has them.
  std::vector<node_record> others_;
  /// Which one it is.
  std::string database_;

  // -- links ------------------------------------------------------------------

  std::unordered_map<uuid, link> links_;
  std::unordered_set<uuid> dialling_;
  /// Nodes whose handshake has failed; until when they are left alone.
  std::unordered_map<uuid, std::chrono::steady_clock::time_point> avoided_;
  /// As the broadcaster knows it.
  bool complete_ = false;

  // -- rooms and commits ------------------------------------------------------

  /// This node's rooms, and what the others have not been told yet.
  interest interest_;
  /// The other nodes' rooms.
  room_directory<uuid> wanted_;
  /// Changes go out in rounds: whoever comes during one is in the next.
  std::uint64_t round_ = 0;
  std::set<uuid> awaited_;
  std::vector<caf::typed_response_promise<done>> this_round_;
  std::vector<caf::typed_response_promise<done>> next_round_;

  // -- work -------------------------------------------------------------------

  /// None if somebody has not been told.
  std::optional<peer_state> told_state_;
  bool status_ticking_ = false;
  wake_policy wakes_;
  bool wake_ticking_ = false;
};

cluster_actor::behavior_type cluster(cluster_actor::stateful_pointer<cluster_state> self, services_ptr peers,
                                     cluster_config config, metrics_ptr measured);

} // namespace troupe
