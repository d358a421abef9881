#pragma once

#include "actors/interfaces.hpp"
#include "persistence/store.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <memory>

/// A reader answers questions from the store, on a connection of its own that
/// never waits for a writer. Spawned detached by the node, a few of them. The
/// gateways and task actors ask it. Questions that wait together share one view
/// of the database. One more reads whole pages for the gateways, so that nobody waits
/// for those. If one dies the node starts another.
namespace troupe {

class reader_state {
public:
  static inline const char* name = "reader";

  explicit reader_state(reader_actor::pointer self) : self_{self} {}

  void open(database& db);

  /// The store, with a view open that is no older than the question being answered.
  store_reader& view();
  void close_view();

  store_result<room_start> find_room_start(const get_room_start& question);

private:
  reader_actor::pointer self_;
  std::unique_ptr<store_reader> store_;
  bool view_open_ = false;
};

enum class reading : std::uint8_t {
  at_once,
  /// Its thread, which must be its own, gives way to others (actors/background.hpp).
  behind_others,
};

/// Opens a reading side of `db`; quits if that fails.
reader_actor::behavior_type reader(reader_actor::stateful_pointer<reader_state> self, std::shared_ptr<database> db,
                                   reading how);

} // namespace troupe
