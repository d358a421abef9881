#pragma once

#include "persistence/page_bound.hpp"
#include "persistence/sqlite/connection.hpp"
#include "persistence/sqlite/statement.hpp"
#include "persistence/store.hpp"

#include <cstdint>

/// Reads a room's events behind a position. A namespace's and a user's are picked
/// out of all events in the order of commits, a bounded stretch at a time. A
/// thread's are too, near the end; far from it they are found task by task.
namespace troupe {

class sqlite_rooms {
public:
  explicit sqlite_rooms(sqlite_connection& connection);

  /// To be called within one view of the database.
  room_events after(const room& r, std::int64_t position, page_size most);

  std::int64_t last_position();

private:
  /// Events in (`position`, `end`] that the room wants.
  void scan(room_events& result, const room& r, std::int64_t end, page_size most);
  void collect_thread(room_events& result, const uuid& thread_id, std::int64_t last, page_size most);
  /// Takes what a page may have; `end` is how far was looked if that is all.
  template <class Rows>
  static void take_up_to(room_events& result, Rows& rows, std::int64_t end, page_size most);

  sqlite_statement last_;
  sqlite_statement scan_ns_;
  sqlite_statement scan_user_;
  sqlite_statement scan_thread_;
  sqlite_statement thread_places_;
  sqlite_statement event_;
};

} // namespace troupe
