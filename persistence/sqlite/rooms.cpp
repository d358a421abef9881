#include "persistence/sqlite/rooms.hpp"

#include "persistence/rows/record_rows.hpp"
#include "persistence/rows/sql_text.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {
namespace {

/// Entries looked at by one call.
constexpr std::int64_t stretch = 2000;

constexpr const char* source_columns = "t.id, t.thread_id, t.ns, t.created_by";

std::string scan_sql(const char* condition) {
  return std::string{"SELECT "} + source_columns + ", " + select_list<event_record>("e")
         + " FROM events e CROSS JOIN tasks t ON t.id = e.task_id WHERE e.position > ?1 AND e.position <= ?2 AND "
         + condition + " ORDER BY e.position LIMIT ?3";
}

// Found in the index alone.
constexpr const char* thread_places
  = "SELECT x.position AS place FROM (SELECT id FROM tasks WHERE id = ?1 UNION ALL "
    "SELECT id FROM tasks WHERE thread_id = ?1 AND thread_id <> id) member "
    "CROSS JOIN events x INDEXED BY events_of_task ON x.task_id = member.id WHERE x.position > ?2 "
    "ORDER BY place LIMIT ?3";

std::string event_sql() {
  return std::string{"SELECT "} + source_columns + ", " + select_list<event_record>("e")
         + " FROM events e CROSS JOIN tasks t ON t.id = e.task_id WHERE e.position = ?1";
}

/// The events at some places, in the order of these, each read when it is come to.
class events_at {
public:
  events_at(sqlite_statement& one, std::vector<std::int64_t> places) : one_{one}, places_{std::move(places)} {}

  bool next() {
    while (next_ < places_.size()) {
      row_.reset();
      row_ = std::unique_ptr<sqlite_rows>{new sqlite_rows{one_.query(places_[next_++])}};
      if (row_->next())
        return true;
    }
    row_.reset();
    return false;
  }

  template <class T>
  T take() {
    return row_->take<T>();
  }
  std::string_view take_view() { return row_->take_view(); }

private:
  sqlite_statement& one_;
  std::vector<std::int64_t> places_;
  std::size_t next_ = 0;
  std::unique_ptr<sqlite_rows> row_;
};

} // namespace

sqlite_rooms::sqlite_rooms(sqlite_connection& connection)
  : last_{connection.get(), "SELECT coalesce(max(position), 0) FROM events"}, scan_ns_{connection.get(),
                                                                                       scan_sql("t.ns = ?4")},
    scan_user_{connection.get(), scan_sql("t.created_by = ?4")}, scan_thread_{connection.get(),
                                                                              scan_sql("t.thread_id = ?4")},
    thread_places_{connection.get(), thread_places}, event_{connection.get(), event_sql()} {}

std::int64_t sqlite_rooms::last_position() {
  auto rows = last_.query();
  rows.next();
  return rows.take<std::int64_t>();
}

room_events sqlite_rooms::after(const room& r, std::int64_t position, page_size most) {
  room_events result;
  result.position = position;
  const auto last = last_position();
  if (position >= last) {
    result.at_end = true;
    return result;
  }
  if (r.type == room::kind::task && last - position > stretch)
    collect_thread(result, r.id, last, most);
  else
    scan(result, r, std::min(last, position + stretch), most);
  result.at_end = result.position == last;
  return result;
}

template <class Rows>
void sqlite_rooms::take_up_to(room_events& result, Rows& rows, std::int64_t end, page_size most) {
  const bool more = take_sourced_events(rows, most, result.events);
  result.position = more ? result.events.back().position : end;
}

void sqlite_rooms::scan(room_events& result, const room& r, std::int64_t end, page_size most) {
  // One more than is taken tells whether there is more.
  const auto take = [&](sqlite_rows rows) { take_up_to(result, rows, end, most); };
  switch (r.type) {
  case room::kind::ns: take(scan_ns_.query(result.position, end, most.items + 1, r.name)); break;
  case room::kind::user: take(scan_user_.query(result.position, end, most.items + 1, r.name)); break;
  case room::kind::task: take(scan_thread_.query(result.position, end, most.items + 1, r.id)); break;
  }
}

void sqlite_rooms::collect_thread(room_events& result, const uuid& thread_id, std::int64_t last, page_size most) {
  // Joined to their events they would be sorted with these, which may have megabytes.
  std::vector<std::int64_t> places;
  {
    auto found = thread_places_.query(thread_id, result.position, most.items + 1);
    while (found.next())
      places.push_back(found.take<std::int64_t>());
  }
  events_at rows{event_, std::move(places)};
  take_up_to(result, rows, last, most);
}

} // namespace troupe
