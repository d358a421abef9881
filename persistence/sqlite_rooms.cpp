#include "persistence/sqlite_rooms.hpp"

#include "persistence/sqlite_records.hpp"

#include <algorithm>
#include <string>

namespace troupe {
namespace {

/// Entries looked at by one call.
constexpr std::int64_t stretch = 2000;

constexpr const char* source_columns = "t.id, t.thread_id, t.ns, t.created_by";

std::string scan_sql(const char* condition) {
  return std::string{"SELECT "} + source_columns + ", " + event_columns
         + " FROM events e CROSS JOIN tasks t ON t.id = e.task_id WHERE e.position > ?1 AND e.position <= ?2 AND "
         + condition + " ORDER BY e.position LIMIT ?3";
}

// The positions are found in the index alone; only those that are returned cost a row.
std::string thread_sql() {
  return std::string{"SELECT "} + source_columns + ", " + event_columns
         + " FROM (SELECT x.position AS place FROM (SELECT id FROM tasks WHERE id = ?1 UNION ALL "
           "SELECT id FROM tasks WHERE thread_id = ?1 AND thread_id <> id) member "
           "CROSS JOIN events x INDEXED BY events_of_task ON x.task_id = member.id WHERE x.position > ?2 "
           "ORDER BY place LIMIT ?3) "
           "CROSS JOIN events e ON e.position = place CROSS JOIN tasks t ON t.id = e.task_id ORDER BY e.position";
}

} // namespace

sqlite_rooms::sqlite_rooms(sqlite_connection& connection)
  : last_{connection.get(), "SELECT coalesce(max(position), 0) FROM events"},
    scan_ns_{connection.get(), scan_sql("t.ns = ?4")}, scan_user_{connection.get(), scan_sql("t.created_by = ?4")},
    scan_thread_{connection.get(), scan_sql("t.thread_id = ?4")}, thread_events_{connection.get(), thread_sql()} {}

std::int64_t sqlite_rooms::last_position() {
  auto rows = last_.query();
  rows.next();
  return rows.take<std::int64_t>();
}

room_events sqlite_rooms::after(const room& r, std::int64_t position, int limit) {
  room_events result;
  result.position = position;
  const auto last = last_position();
  if (position >= last) {
    result.at_end = true;
    return result;
  }
  if (r.type == room::kind::task && last - position > stretch)
    collect_thread(result, r.id, last, limit);
  else
    scan(result, r, std::min(last, position + stretch), limit);
  result.at_end = result.position == last;
  return result;
}

void sqlite_rooms::scan(room_events& result, const room& r, std::int64_t end, int limit) {
  // One more than is taken tells whether there is more.
  const auto take = [&](sqlite_rows rows) { take_up_to(result, rows, end, limit); };
  switch (r.type) {
  case room::kind::ns: take(scan_ns_.query(result.position, end, limit + 1, r.name)); break;
  case room::kind::user: take(scan_user_.query(result.position, end, limit + 1, r.name)); break;
  case room::kind::task: take(scan_thread_.query(result.position, end, limit + 1, r.id)); break;
  }
}

void sqlite_rooms::collect_thread(room_events& result, const uuid& thread_id, std::int64_t last, int limit) {
  auto rows = thread_events_.query(thread_id, result.position, limit + 1);
  take_up_to(result, rows, last, limit);
}

void sqlite_rooms::take_up_to(room_events& result, sqlite_rows& rows, std::int64_t end, int limit) {
  const bool more = take_sourced_events(rows, limit, result.events);
  result.position = more ? result.events.back().position : end;
}

} // namespace troupe
