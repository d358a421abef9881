#include "persistence/sqlite/reader.hpp"

#include "persistence/rows/record_rows.hpp"
#include "persistence/rows/sql_text.hpp"
#include "persistence/rules/rules.hpp"
#include "persistence/sqlite/task_list.hpp"

#include <utility>

namespace troupe {
namespace {

std::pair<message_record, std::int64_t> take_placed_message(sqlite_rows& row) {
  const auto position = row.take<std::int64_t>();
  return {take_record<message_record>(row), position};
}

} // namespace

sqlite_reader::sqlite_reader(std::shared_ptr<sqlite_file> file)
  : file_{std::move(file)}, connection_{file_->path, sqlite_connection::role::reader}, rooms_{connection_} {}

std::unique_ptr<store_reader> make_sqlite_reader(std::shared_ptr<sqlite_file> file) {
  return std::make_unique<sqlite_reader>(std::move(file));
}

// -- views and statements -------------------------------------------------------

void sqlite_reader::begin() {
  // If it fails, each call sees the latest commit and reports for itself.
  try {
    if (!in_view_)
      prepared("BEGIN").run();
    in_view_ = true;
  } catch (const std::exception&) {
    in_view_ = false;
  }
}

void sqlite_reader::end() {
  try {
    if (in_view_)
      prepared("COMMIT").run();
  } catch (const std::exception&) {
    // Nothing was written; the view is gone either way.
  }
  in_view_ = false;
}

sqlite_statement& sqlite_reader::prepared(const std::string& sql) {
  const auto known = statements_.find(sql);
  return known != statements_.end() ? known->second
                                    : statements_.emplace(sql, sqlite_statement{connection_.get(), sql}).first->second;
}

// -- tasks ----------------------------------------------------------------------

store_result<task_record> sqlite_reader::get_task(const uuid& id) {
  return guarded<task_record>([&]() -> store_result<task_record> {
    static const std::string sql
      = "SELECT " + select_list<task_record>("t") + " FROM tasks t WHERE t.id = ? AND t.deleted_at IS NULL";
    auto rows = prepared(sql).query(id);
    if (!rows.next())
      return no_such("task", id.to_string());
    return take_record<task_record>(rows);
  });
}

store_result<task_outline> sqlite_reader::outline(const uuid& task_id) {
  return guarded<task_outline>([&]() -> store_result<task_outline> {
    auto rows
      = prepared("SELECT t.thread_id, t.status, (SELECT coalesce(max(seq), 0) FROM events WHERE task_id = t.id) "
                 "FROM tasks t WHERE t.id = ? AND t.deleted_at IS NULL")
          .query(task_id);
    if (!rows.next())
      return no_such("task", task_id.to_string());
    return take_outline(rows);
  });
}

store_result<page<task_record, uuid>> sqlite_reader::list_tasks(const task_filter& filter, std::optional<uuid> before,
                                                                int limit) {
  using result = page<task_record, uuid>;
  return guarded<result>([&]() -> store_result<result> {
    auto rows = query_task_list([this](const std::string& sql) -> sqlite_statement& { return prepared(sql); }, filter,
                                before, limit + 1);
    return take_page<task_record, uuid>(rows, limit, [](sqlite_rows& row) {
      auto task = take_record<task_record>(row);
      const auto id = task.id;
      return std::pair{std::move(task), id};
    });
  });
}

store_result<page<attempt_record, int>> sqlite_reader::attempts(const uuid& task_id, int after, int limit) {
  using result = page<attempt_record, int>;
  return guarded<result>([&]() -> store_result<result> {
    if (!prepared("SELECT 1 FROM tasks WHERE id = ? AND deleted_at IS NULL").query(task_id).next())
      return no_such("task", task_id.to_string());
    static const std::string sql
      = "SELECT " + select_list<attempt_record>() + " FROM attempts WHERE task_id = ?1 AND attempt > ?2 UNION ALL "
        + "SELECT attempt, 0, started_at, NULL, NULL, input_tokens, output_tokens, cost, estimated, node, model, "
          "NULL, NULL FROM queue WHERE task_id = ?1 AND attempt > ?2 AND state = 1 ORDER BY 1 LIMIT ?3";
    auto rows = prepared(sql).query(task_id, after, limit + 1);
    return take_attempts(rows, limit);
  });
}

// -- messages -------------------------------------------------------------------

store_result<page<message_record, std::int64_t>> sqlite_reader::task_messages(const uuid& task_id, std::int64_t after,
                                                                              int limit) {
  using result = page<message_record, std::int64_t>;
  return guarded<result>([&]() -> store_result<result> {
    uuid thread_id;
    std::int64_t begin = 0;
    {
      auto rows = prepared("SELECT t.thread_id, e.position FROM tasks t LEFT JOIN events e ON e.task_id = t.id "
                           "AND e.seq = 1 WHERE t.id = ? AND t.deleted_at IS NULL")
                    .query(task_id);
      if (!rows.next())
        return no_such("task", task_id.to_string());
      thread_id = rows.take<uuid>();
      // Nothing of a task precedes its creation, however long its thread is.
      begin = rows.take<std::int64_t>();
    }
    static const std::string sql = "SELECT m.position, " + select_list<message_record>("m")
                                   + " FROM messages m WHERE m.thread_id = ? AND m.position > ? AND m.task_id = ? "
                                     "ORDER BY m.position LIMIT ?";
    auto rows = prepared(sql).query(thread_id, std::max(after, begin), task_id, limit + 1);
    return take_page<message_record, std::int64_t>(rows, limit, take_placed_message);
  });
}

store_result<page<message_record, std::int64_t>> sqlite_reader::thread_messages(const uuid& thread_id,
                                                                                std::int64_t after, int limit) {
  using result = page<message_record, std::int64_t>;
  return guarded<result>([&]() -> store_result<result> {
    {
      auto rows
        = prepared("SELECT 1 FROM tasks WHERE id = ?1 AND thread_id = ?1 AND deleted_at IS NULL UNION ALL "
                   "SELECT 1 FROM tasks WHERE thread_id = ?1 AND thread_id <> id AND deleted_at IS NULL LIMIT 1")
            .query(thread_id);
      if (!rows.next())
        return no_such("thread", thread_id.to_string());
    }
    static const std::string sql
      = "SELECT m.position, " + select_list<message_record>("m")
        + " FROM messages m CROSS JOIN tasks t ON t.id = m.task_id WHERE m.thread_id = ? AND m.position > ? "
          "AND t.deleted_at IS NULL ORDER BY m.position LIMIT ?";
    auto rows = prepared(sql).query(thread_id, after, limit + 1);
    return take_page<message_record, std::int64_t>(rows, limit, take_placed_message);
  });
}

// -- journals and rooms ---------------------------------------------------------

std::shared_ptr<const event_source> sqlite_reader::source_of(const uuid& task_id) {
  auto rows = prepared("SELECT thread_id, ns, created_by FROM tasks WHERE id = ?").query(task_id);
  if (!rows.next())
    return nullptr;
  auto source = std::make_shared<event_source>();
  source->task_id = task_id;
  source->thread_id = rows.take<uuid>();
  source->ns = rows.take<std::string>();
  source->created_by = rows.take<std::string>();
  return source;
}

store_result<page<event_record, std::int64_t>> sqlite_reader::events_after(const uuid& task_id, std::int64_t seq,
                                                                           int limit) {
  using result = page<event_record, std::int64_t>;
  return guarded<result>([&]() -> store_result<result> {
    const auto source = source_of(task_id);
    if (!source)
      return no_such("task", task_id.to_string());
    static const std::string sql = "SELECT " + select_list<event_record>("e")
                                   + " FROM events e WHERE e.task_id = ? AND e.seq > ? ORDER BY e.seq LIMIT ?";
    auto rows = prepared(sql).query(task_id, seq, limit + 1);
    return take_journal(rows, limit, source);
  });
}

store_result<room> sqlite_reader::resolve(const room& r) {
  return guarded<room>([&]() -> store_result<room> {
    if (r.type != room::kind::task)
      return r;
    const auto source = source_of(r.id);
    if (!source)
      return no_such("task", r.id.to_string());
    return room{room::kind::task, source->thread_id, {}};
  });
}

store_result<std::int64_t> sqlite_reader::position_of(const uuid& task_id, std::int64_t seq) {
  return guarded<std::int64_t>([&]() -> store_result<std::int64_t> {
    const bool before_first = seq < 1;
    auto rows = prepared("SELECT position FROM events WHERE task_id = ? AND seq <= ? ORDER BY seq DESC LIMIT 1")
                  .query(task_id, before_first ? 1 : seq);
    if (!rows.next())
      return no_such("task", task_id.to_string());
    return rows.take<std::int64_t>() - (before_first ? 1 : 0);
  });
}

store_result<std::int64_t> sqlite_reader::last_position() {
  return guarded<std::int64_t>([&]() -> store_result<std::int64_t> { return rooms_.last_position(); });
}

store_result<room_events> sqlite_reader::room_events_after(const room& r, std::int64_t position, page_size most) {
  // The end and what lies before it must be seen in one view.
  const bool own_view = !in_view_;
  if (own_view)
    begin();
  auto result = guarded<room_events>([&]() -> store_result<room_events> { return rooms_.after(r, position, most); });
  if (own_view)
    end();
  return result;
}

// -- bots and models ------------------------------------------------------------

store_result<bot_record> sqlite_reader::get_bot(const std::string& ns, const std::string& name) {
  return guarded<bot_record>([&]() -> store_result<bot_record> {
    static const std::string sql = std::string{"SELECT "} + document_columns + " FROM bots WHERE ns = ? AND name = ?";
    auto rows = prepared(sql).query(ns, name);
    if (!rows.next())
      return not_in_catalog("bot", ns, name);
    return take_bot(rows);
  });
}

store_result<model_record> sqlite_reader::get_model(const std::string& ns, const std::string& name) {
  return guarded<model_record>([&]() -> store_result<model_record> {
    static const std::string sql = std::string{"SELECT "} + document_columns + " FROM models WHERE ns = ? AND name = ?";
    auto rows = prepared(sql).query(ns, name);
    if (!rows.next())
      return not_in_catalog("model", ns, name);
    return take_model(rows);
  });
}

template <class Record, class Take>
store_result<page<Record, std::string>> sqlite_reader::list_documents(const char* table, const std::string& ns,
                                                                      const std::string& after, int limit, Take take) {
  using result = page<Record, std::string>;
  return guarded<result>([&]() -> store_result<result> {
    const auto sql = std::string{"SELECT "} + document_columns + " FROM " + table
                     + " WHERE ns = ? AND name > ? ORDER BY name LIMIT ?";
    auto rows = prepared(sql).query(ns, after, limit + 1);
    return take_page<Record, std::string>(rows, limit, [&](sqlite_rows& row) {
      auto record = take(row);
      auto name = record.name;
      return std::pair{std::move(record), std::move(name)};
    });
  });
}

store_result<page<bot_record, std::string>> sqlite_reader::list_bots(const std::string& ns, const std::string& after,
                                                                     int limit) {
  return list_documents<bot_record>("bots", ns, after, limit, take_bot<sqlite_rows>);
}

store_result<page<model_record, std::string>> sqlite_reader::list_models(const std::string& ns,
                                                                         const std::string& after, int limit) {
  return list_documents<model_record>("models", ns, after, limit, take_model<sqlite_rows>);
}

// -- the queue ------------------------------------------------------------------

store_result<queue_stats> sqlite_reader::queue(const std::string& after, int limit) {
  return guarded<queue_stats>([&]() -> store_result<queue_stats> {
    // What is due counts as ready, though a claim has yet to notice.
    static const std::string sums
      = "sum(state = 0 OR (state = 3 AND due_at <= ?1)), sum(state = 3 AND due_at > ?1 AND held = 0), "
        "sum(state = 3 AND due_at > ?1 AND held = 1), sum(state = 2), sum(state = 1), "
        "min(CASE WHEN state = 0 OR (state = 3 AND due_at <= ?1) THEN due_at END) FROM queue";
    static const std::string of_all = "SELECT '', " + sums;
    static const std::string of_each = "SELECT ns, " + sums + " WHERE ns > ?2 GROUP BY ns ORDER BY ns LIMIT ?3";
    const auto at = now();
    queue_stats stats;
    {
      auto total = prepared(of_all).query(at);
      total.next();
      stats.totals = take_queue_row(total);
    }
    if (limit > 0) {
      auto rows = prepared(of_each).query(at, after, limit + 1);
      take_queue(rows, limit, stats);
    }
    return stats;
  });
}

store_result<std::vector<node_record>> sqlite_reader::nodes() {
  return guarded<std::vector<node_record>>([&]() -> store_result<std::vector<node_record>> {
    auto rows = prepared("SELECT count(*) FROM queue WHERE state = 1").query();
    rows.next();
    const auto running = rows.take<int>();
    const std::lock_guard guard{file_->node_mutex};
    std::vector<node_record> found;
    if (file_->node) {
      // Whoever asks is this very process: it lives.
      found.push_back(*file_->node);
      found.back().running = running;
      found.back().heartbeat_at = now();
    }
    return found;
  });
}

} // namespace troupe
