#include "persistence/postgres/row_cache.hpp"
#include "persistence/postgres/row_sql.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// How a batch writes its rows: a statement for each kind of change, with an array for
/// each column.
namespace troupe {

namespace {

// Each that changes rows ends with the number of rows it must meet.

constexpr std::string_view change_threads = R"sql(
WITH met AS (
  INSERT INTO threads AS t(id, rev) SELECT u.id, u.rev + 1 FROM unnest($1::uuid[], $2::bigint[]) AS u(id, rev)
  ON CONFLICT(id) DO UPDATE SET rev = excluded.rev WHERE t.rev = excluded.rev - 1 RETURNING 1)
SELECT expect((SELECT count(*) FROM met), $3::bigint))sql";

// `listed` is the status of a task that is neither in the queue nor completed: what a list by status looks for.

const std::string& insert_tasks() {
  static const std::string sql
    = pg_insert_rows({"tasks", texts_of(pg_task_row), {{"listed", "CASE WHEN u.queued THEN NULL ELSE 0 END"}}});
  return sql;
}

const std::string& change_tasks() {
  static const std::string sql = pg_change_rows(
    {"tasks", texts_of(pg_task_row), {{"listed", "CASE WHEN u.queued OR u.status = 2 THEN NULL ELSE u.status END"}}},
    beside<uuid>("id"));
  return sql;
}

// A row is found by `ready_no` or by `again` while it is ready, by `wakes_at` while it is scheduled.
constexpr replaced_column wakes_at{"wakes_at", "CASE WHEN u.state = 3 THEN u.due_at END"};
constexpr replaced_column again{"again", "u.state = 0 AND NOT u.plain"};

const std::string& insert_queue() {
  static const std::string sql = pg_insert_rows(
    {"queue",
     texts_of(pg_whole_queue_row, {beside<uuid>("task_id"), beside<uuid>("thread_id"), beside<std::string>("ns")}),
     {wakes_at, again, {"ready_no", "CASE WHEN u.state = 0 AND u.plain THEN nextval('queue_order') END"}},
     {beside<bool>("plain")}});
  return sql;
}

const std::string& change_queue_rows() {
  static const std::string sql
    = pg_change_rows({"queue",
                      texts_of(pg_whole_queue_row),
                      {wakes_at, again, {"ready_no", "CASE WHEN u.state = 0 AND u.plain THEN t.ready_no END"}},
                      {beside<bool>("plain")}},
                     beside<uuid>("task_id"));
  return sql;
}

constexpr std::string_view delete_queue_rows = R"sql(
WITH met AS (
  DELETE FROM queue q USING unnest($1::uuid[], $2::int[]) AS u(task_id, rev)
  WHERE q.task_id = u.task_id AND q.rev = u.rev RETURNING 1)
SELECT expect((SELECT count(*) FROM met), $3::bigint))sql";

} // namespace

void pg_row_cache::write(std::string& sql) {
  write_threads(sql);
  write_tasks(sql);
  write_queue(sql);
}

void pg_row_cache::write_threads(std::string& sql) {
  pg_columns changed{2};
  for (const auto& [id, view] : threads_)
    if (view.changed)
      changed.add(id, view.rev);
  if (changed.rows() > 0)
    changed.write(sql, connection_->prepared(change_threads), true);
}

void pg_row_cache::write_tasks(std::string& sql) {
  pg_columns added{count_inserted(pg_task_row)};
  pg_columns changed{2 + count_changed(pg_task_row)};
  for (const auto& [id, r] : rows_) {
    if (r.is_new)
      added.add_row([&r = r](auto put) { each_inserted(pg_task_row, r, put); });
    // A new task may be changed by the same batch: its row is there by then.
    if (r.changed)
      changed.add_row([&id = id, &r = r](auto put) {
        put(id);
        put(r.rev);
        each_changed(pg_task_row, r, put);
      });
  }
  if (added.rows() > 0)
    added.write(sql, connection_->prepared(insert_tasks()), false);
  if (changed.rows() > 0)
    changed.write(sql, connection_->prepared(change_tasks()), true);
}

void pg_row_cache::write_queue(std::string& sql) {
  pg_columns added{4 + count_inserted(pg_whole_queue_row)};
  pg_columns changed{3 + count_changed(pg_whole_queue_row)};
  pg_columns removed{2};
  for (const auto& [id, r] : rows_) {
    if (!r.queue_changed)
      continue;
    if (r.was_queued && !r.queue) {
      removed.add(id, r.queue_rev);
      continue;
    }
    if (!r.queue)
      continue;
    if (r.was_queued)
      changed.add_row([&id = id, &r = r](auto put) {
        put(id);
        put(r.queue_rev);
        each_changed(pg_whole_queue_row, *r.queue, put);
        put(r.queue->plain);
      });
    else
      added.add_row([&id = id, &r = r](auto put) {
        put(id);
        put(r.record.thread_id);
        put(r.record.ns);
        each_inserted(pg_whole_queue_row, *r.queue, put);
        put(r.queue->plain);
      });
  }
  if (removed.rows() > 0)
    removed.write(sql, connection_->prepared(delete_queue_rows), true);
  if (changed.rows() > 0)
    changed.write(sql, connection_->prepared(change_queue_rows()), true);
  if (added.rows() > 0)
    added.write(sql, connection_->prepared(insert_queue()), false);
}

} // namespace troupe
