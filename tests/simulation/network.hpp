#pragma once

#include "actors/interfaces.hpp"
#include "tests/simulation/run_here.hpp"
#include "tests/simulation/world.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

/// The network between simulated processes, in the place of CAF's middleman: a connector for each process, and for
/// each connection an actor at either end that stands for the peer at the other one. What goes over a connection
/// arrives in order, or not at all, as over TCP.
///
/// Each process is an actor system of its own, and no message of CAF's goes from one to another.
namespace troupe {

/// What the network must know of a process.
class network_host {
public:
  virtual ~network_host() = default;

  [[nodiscard]] virtual int number() const = 0;
  /// It is there, though it may be frozen.
  [[nodiscard]] virtual bool is_alive() const = 0;
  [[nodiscard]] virtual bool is_frozen() const = 0;
  [[nodiscard]] virtual caf::actor_system& system() = 0;
};

/// Stands for the peer at the other end of a connection.
using outlet_actor = peer_actor::extend<caf::reacts_to<run_here>>;
using simulated_connector = connector_actor::extend<caf::reacts_to<run_here>>;

class network {
public:
  explicit network(world& w) : world_{w} {}

  /// There are no connections any more.
  void forget() { connections_.clear(), doors_.clear(); }

  /// For `node_config::network`.
  std::function<connector_actor(caf::actor_system&)> connector_of(network_host& host);

  // -- trouble --------------------------------------------------------------------

  /// Nothing gets through between the two, until `mend`.
  void cut(int a, int b);
  void mend(int a, int b);
  /// From now on each message takes up to `most` more.
  void slow_down(world::duration most) { extra_ = most; }
  /// The process has ended: the other ends of its connections hear of it.
  void host_ended(network_host& host);
  /// It says nothing from now on, and takes nothing.
  void host_frozen(network_host& host);
  /// It runs again: what has come meanwhile, it finds now.
  void host_thawed(network_host& host);

private:
  class outlet_state;
  class connector_state;

  /// One end of a connection.
  struct end {
    network_host* host = nullptr;
    /// In the host's system, for the peer. Null once the host knows that the connection is gone.
    outlet_actor outlet;
    /// The host's own actor, whom the peer's messages are for. The dialling one is known by its first word.
    peer_actor target;
    /// When the last of what was sent to here arrives.
    world::time_point last_arrival{};
  };

  struct connection {
    std::array<end, 2> ends;
    bool open = true;
    /// What waits until the way is free: where it is to be done, and what.
    std::vector<std::pair<int, std::function<void()>>> held{};
    /// How often the way has become free.
    int freed = 0;
  };
  using connection_ptr = std::shared_ptr<connection>;

  struct door_entry {
    network_host* host = nullptr;
    peer_actor whom;
  };

  [[nodiscard]] bool is_cut(const connection& c) const;
  [[nodiscard]] bool is_blocked(const connection& c) const;
  /// Has `what` run at the end `side`, if it gets there.
  void carry(const connection_ptr& c, int side, std::function<void()> what);
  void arrive(const connection_ptr& c, int side, const std::function<void()>& what);
  /// Gives a connection up whose way is not free in time.
  void blocked(const connection_ptr& c);
  void freed(const connection_ptr& c);
  /// The end `side` notices that the connection is gone.
  static void lose(connection& c, int side);
  void close(const connection_ptr& c, int by);
  connection_ptr connect(network_host& from, network_host& to, const peer_actor& whom);
  template <class What>
  void for_each_of(const network_host& host, What what);

  world& world_;
  std::set<std::pair<int, int>> cuts_;
  world::duration extra_{0};
  std::map<std::uint16_t, door_entry> doors_;
  std::uint16_t last_port_ = 0;
  std::vector<connection_ptr> connections_;
};

} // namespace troupe
