#include "persistence/postgres/page.hpp"
#include "persistence/postgres/reader.hpp"
#include "persistence/rows/record_rows.hpp"

#include <algorithm>
#include <optional>
#include <utility>

/// Journals and rooms as the PostgreSQL store's readers see them. Positions are given
/// in the order in which commits become visible, so what is behind a position was
/// not there when the position was reached, and will not be joined by anything
/// before it. A room is read as in SQLite: a namespace's and a user's events are
/// picked out of all, a bounded stretch at a time; a thread's too, near the end, and
/// task by task far from it.
namespace troupe {

namespace {

/// Entries looked at by one call.
constexpr std::int64_t stretch = 2000;

/// Up to `$3` events with their sources in front; `from` says which.
pg_page_sql sourced_events_page(const std::string& from) {
  return make_pg_page<event_record>("e", "t.id, t.thread_id, t.ns, t.created_by, ",
                                    from + " ORDER BY e.position LIMIT $3::int + 1", "position", "$3::int");
}

pg_page_sql scan_page(const std::string& condition) {
  return sourced_events_page(" FROM events e JOIN tasks t ON t.id = e.task_id WHERE e.position > $1::bigint AND "
                             "e.position <= $2::bigint AND "
                             + condition);
}

const pg_page_sql& thread_page() {
  static const auto sql = sourced_events_page(
    " FROM (SELECT id FROM tasks WHERE id = $1::uuid UNION SELECT id FROM tasks WHERE thread_id = $1::uuid AND "
    "thread_id <> id) member JOIN events e ON e.task_id = member.id JOIN tasks t ON t.id = e.task_id "
    "WHERE e.position > $2::bigint");
  return sql;
}

} // namespace

std::shared_ptr<const event_source> pg_reader::source_of(const uuid& task_id) {
  auto rows = connection().query("SELECT thread_id, ns, created_by FROM tasks WHERE id = $1::uuid", task_id);
  if (!rows.next())
    return nullptr;
  auto source = std::make_shared<event_source>();
  source->task_id = task_id;
  source->thread_id = rows.take<uuid>();
  source->ns = rows.take<std::string>();
  source->created_by = rows.take<std::string>();
  return source;
}

store_result<page<event_record, std::int64_t>> pg_reader::events_after(const uuid& task_id, std::int64_t seq,
                                                                       int limit) {
  using result = page<event_record, std::int64_t>;
  return guarded<result>([&]() -> store_result<result> {
    const auto source = source_of(task_id);
    if (!source)
      return no_such("task", task_id.to_string());
    static const auto sql = make_pg_page<event_record>(
      "e", "", " FROM events e WHERE e.task_id = $1::uuid AND e.seq > $2::bigint ORDER BY e.seq LIMIT $3::int + 1",
      "seq", "$3::int");
    const auto take = [limit, &source](pg_page_rows& rows) { return take_journal(rows, limit, source); };
    return read_pg_page(connection(), sql, limit, take, task_id, seq, limit);
  });
}

store_result<room> pg_reader::resolve(const room& r) {
  return guarded<room>([&]() -> store_result<room> {
    if (r.type != room::kind::task)
      return r;
    const auto source = source_of(r.id);
    if (!source)
      return no_such("task", r.id.to_string());
    return room{room::kind::task, source->thread_id, {}};
  });
}

store_result<std::int64_t> pg_reader::position_of(const uuid& task_id, std::int64_t seq) {
  return guarded<std::int64_t>([&]() -> store_result<std::int64_t> {
    const bool before_first = seq < 1;
    auto rows = connection().query("SELECT position FROM events WHERE task_id = $1::uuid AND seq <= $2::bigint "
                                   "ORDER BY seq DESC LIMIT 1",
                                   task_id, before_first ? 1 : seq);
    if (!rows.next())
      return no_such("task", task_id.to_string());
    return rows.take<std::int64_t>() - (before_first ? 1 : 0);
  });
}

std::int64_t pg_reader::read_last_position() {
  auto rows = connection().query("SELECT max(position) FROM events");
  rows.next();
  return rows.take<std::int64_t>();
}

std::pair<std::int64_t, std::int64_t> pg_reader::bounds_behind(std::int64_t position) {
  auto rows = connection().query("SELECT max(position), (SELECT min(position) FROM events WHERE position > $1::bigint) "
                                 "FROM events",
                                 position);
  rows.next();
  const auto last = rows.take<std::int64_t>();
  const auto first = rows.take<std::optional<std::int64_t>>();
  return {first ? *first - 1 : position, last};
}

store_result<std::int64_t> pg_reader::last_position() {
  return guarded<std::int64_t>([&]() -> store_result<std::int64_t> { return read_last_position(); });
}

store_result<room_events> pg_reader::room_events_after(const room& r, std::int64_t position, page_size most) {
  // The end is asked for first: what a later look shows besides is left for the next call.
  return guarded<room_events>([&]() -> store_result<room_events> { return read_room(r, position, most); });
}

room_events pg_reader::read_room(const room& r, std::int64_t position, page_size most) {
  room_events result;
  result.position = position;
  // Where positions were left out there is nothing to look at.
  const auto [begin, last] = bounds_behind(position);
  if (position >= last) {
    result.at_end = true;
    return result;
  }
  auto end = std::min(last, begin + stretch);
  const auto read = [&](const pg_page_sql& sql, const auto&... values) {
    const auto take = [&](pg_page_rows& rows) {
      result.events.clear();
      return take_sourced_events(rows, most, result.events);
    };
    const bool more = read_pg_page(connection(), sql, most.items, take, values...);
    result.position = more ? result.events.back().position : end;
    // A thread's are not cut off at the end: what has come meanwhile is behind it.
    if (!more && !result.events.empty())
      result.position = std::max(result.position, result.events.back().position);
  };
  switch (r.type) {
  case room::kind::ns: {
    static const auto sql = scan_page("t.ns = $4::text");
    read(sql, position, end, most.items, r.name);
    break;
  }
  case room::kind::user: {
    static const auto sql = scan_page("t.created_by = $4::text");
    read(sql, position, end, most.items, r.name);
    break;
  }
  case room::kind::task: {
    static const auto sql = scan_page("t.thread_id = $4::uuid");
    if (last - begin > stretch) {
      end = last;
      read(thread_page(), r.id, position, most.items);
    } else {
      read(sql, position, end, most.items, r.id);
    }
    break;
  }
  }
  result.at_end = result.position >= last;
  return result;
}

} // namespace troupe
