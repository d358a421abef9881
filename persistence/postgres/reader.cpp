#include "persistence/postgres/reader.hpp"

#include "persistence/postgres/page.hpp"
#include "persistence/postgres/tables/nodes.hpp"
#include "persistence/postgres/task_list.hpp"
#include "persistence/rows/record_rows.hpp"
#include "persistence/rows/sql_text.hpp"
#include "persistence/rules/rules.hpp"

#include <utility>

namespace troupe {

namespace {

using namespace std::chrono_literals;

/// After a failed try to connect, questions are refused for so long without another.
constexpr auto between_tries = 250ms;

std::pair<message_record, std::int64_t> take_placed_message(pg_page_rows& row) {
  const auto position = row.take<std::int64_t>();
  return {take_record<message_record>(row), position};
}

/// Up to `limit` messages; `from` says of what.
pg_page_sql messages_page(std::string_view from, std::string_view limit) {
  return make_pg_page<message_record>("m", "m.position, ", from, "position", limit);
}

auto take_messages(int limit) {
  return
    [limit](pg_page_rows& rows) { return take_page<message_record, std::int64_t>(rows, limit, take_placed_message); };
}

/// Up to `limit` documents of the namespace `$1` in a table, by name, behind `$2`.
pg_page_sql documents_page(std::string_view table) {
  std::string from{" FROM "};
  from += table;
  from += R"( WHERE ns = $1::text AND name COLLATE "C" > $2::text ORDER BY name COLLATE "C" LIMIT $3::int + 1)";
  return make_pg_page(document_columns, {"document"}, from, R"(name COLLATE "C")", "$3::int");
}

} // namespace

store_result<std::unique_ptr<store_reader>> make_pg_reader(std::shared_ptr<pg_place> place) {
  return std::make_unique<pg_reader>(std::move(place));
}

// -- views and the connection ---------------------------------------------------

pg_connection& pg_reader::connection() {
  if (connection_)
    return *connection_;
  const auto clock = std::chrono::steady_clock::now();
  // Where the writer has found the server again, the node says that it is ready, and so are readers.
  const auto returns = place_->returns.load();
  if (clock < next_try_ && returns == returns_)
    throw pg_lost{"there was no connection a moment ago"};
  returns_ = returns;
  try {
    auto made = std::make_unique<pg_connection>(place_->address, pg_connection::role::reader);
    place_->judge(made->served_by());
    connection_ = std::move(made);
  } catch (const std::exception& e) {
    // The writer may not have noticed yet, having nothing to do: clients are to know at once. A server that has no
    // connection left for a reader may still be written to.
    if (!dynamic_cast<const pg_refused*>(&e))
      place_->lost();
    next_try_ = std::chrono::steady_clock::now() + between_tries;
    throw;
  }
  return *connection_;
}

void pg_reader::begin() {
  // If it fails, each call sees the latest commit and reports for itself. A process that is frozen here is thrown out
  // by the server (idle_in_transaction_session_timeout).
  try {
    if (!in_view_)
      connection().run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    in_view_ = true;
  } catch (const std::exception&) {
    connection_.reset();
    in_view_ = false;
  }
}

void pg_reader::end() {
  try {
    if (std::exchange(in_view_, false) && connection_)
      connection_->run("COMMIT");
  } catch (const std::exception&) {
    // Nothing was written; the view is gone either way.
    connection_.reset();
  }
}

// -- tasks ----------------------------------------------------------------------

store_result<task_record> pg_reader::get_task(const uuid& id) {
  return guarded<task_record>([&]() -> store_result<task_record> {
    static const std::string sql
      = "SELECT " + pg_task_columns()
        + " FROM tasks t LEFT JOIN queue q ON q.task_id = t.id WHERE t.id = $1::uuid AND t.deleted_at IS NULL";
    auto rows = connection().query(sql, id);
    if (!rows.next())
      return no_such("task", id.to_string());
    return take_record<task_record>(rows);
  });
}

store_result<task_outline> pg_reader::outline(const uuid& task_id) {
  return guarded<task_outline>([&]() -> store_result<task_outline> {
    static const std::string sql = "SELECT t.thread_id, " + std::string{pg_task_status}
                                   + ", (SELECT coalesce(max(seq), 0) FROM events WHERE task_id = t.id) FROM tasks t "
                                     "LEFT JOIN queue q ON q.task_id = t.id WHERE t.id = $1::uuid AND "
                                     "t.deleted_at IS NULL";
    auto rows = connection().query(sql, task_id);
    if (!rows.next())
      return no_such("task", task_id.to_string());
    return take_outline(rows);
  });
}

store_result<page<task_record, uuid>> pg_reader::list_tasks(const task_filter& filter, std::optional<uuid> before,
                                                            int limit) {
  using result = page<task_record, uuid>;
  return guarded<result>([&]() -> store_result<result> {
    const auto take = [limit](pg_page_rows& rows) {
      return take_page<task_record, uuid>(rows, limit, [](pg_page_rows& row) {
        auto task = take_record<task_record>(row);
        const auto id = task.id;
        return std::pair{std::move(task), id};
      });
    };
    return query_task_list(connection(), filter, before, limit, take);
  });
}

store_result<page<attempt_record, int>> pg_reader::attempts(const uuid& task_id, int after, int limit) {
  using result = page<attempt_record, int>;
  return guarded<result>([&]() -> store_result<result> {
    // The running one has no error yet.
    static const auto sql = exact_pg_page(
      "SELECT " + select_list<attempt_record>()
        + ", coalesce(octet_length(error), 0) AS octets FROM attempts WHERE task_id = $1::uuid AND attempt > $2::int "
          "UNION ALL SELECT attempt, 0::smallint, started_at, NULL, NULL, input_tokens, output_tokens, cost, "
          "estimated, "
          "node, model, NULL, NULL, 0 FROM queue WHERE task_id = $1::uuid AND attempt > $2::int AND state = 1 "
          "ORDER BY 1 LIMIT $3::int + 1",
      "attempt", "$3::int");
    auto rows = pg_page_rows::exact(connection().query(sql, task_id, after, limit));
    auto found = take_attempts(rows, limit);
    if (!connection().query("SELECT 1 FROM tasks WHERE id = $1::uuid AND deleted_at IS NULL", task_id).next())
      return no_such("task", task_id.to_string());
    return found;
  });
}

// -- messages -------------------------------------------------------------------

store_result<page<message_record, std::int64_t>> pg_reader::task_messages(const uuid& task_id, std::int64_t after,
                                                                          int limit) {
  using result = page<message_record, std::int64_t>;
  return guarded<result>([&]() -> store_result<result> {
    auto task = connection().query("SELECT t.thread_id, e.position FROM tasks t LEFT JOIN events e ON e.task_id = t.id "
                                   "AND e.seq = 1 WHERE t.id = $1::uuid AND t.deleted_at IS NULL",
                                   task_id);
    if (!task.next())
      return no_such("task", task_id.to_string());
    const auto thread_id = task.take<uuid>();
    // Nothing of a task precedes its creation, however long its thread is.
    const auto begin = task.take<std::int64_t>();
    static const auto sql = messages_page(
      " FROM messages m WHERE m.thread_id = $1::uuid AND m.position > $2::bigint AND m.task_id = $3::uuid "
      "ORDER BY m.position LIMIT $4::int + 1",
      "$4::int");
    return read_pg_page(connection(), sql, limit, take_messages(limit), thread_id, std::max(after, begin), task_id,
                        limit);
  });
}

store_result<page<message_record, std::int64_t>> pg_reader::thread_messages(const uuid& thread_id, std::int64_t after,
                                                                            int limit) {
  using result = page<message_record, std::int64_t>;
  return guarded<result>([&]() -> store_result<result> {
    auto known
      = connection().query("SELECT 1 FROM tasks WHERE id = $1::uuid AND thread_id = $1::uuid AND deleted_at IS NULL "
                           "UNION ALL (SELECT 1 FROM "
                           "tasks WHERE thread_id = $1::uuid AND thread_id <> id AND deleted_at IS NULL LIMIT 1)",
                           thread_id);
    if (!known.next())
      return no_such("thread", thread_id.to_string());
    static const auto sql = messages_page(
      " FROM messages m JOIN tasks t ON t.id = m.task_id WHERE m.thread_id = $1::uuid AND m.position > $2::bigint "
      "AND t.deleted_at IS NULL ORDER BY m.position LIMIT $3::int + 1",
      "$3::int");
    return read_pg_page(connection(), sql, limit, take_messages(limit), thread_id, after, limit);
  });
}

// -- bots and models ------------------------------------------------------------

store_result<bot_record> pg_reader::get_bot(const std::string& ns, const std::string& name) {
  return guarded<bot_record>([&]() -> store_result<bot_record> {
    static const std::string sql
      = std::string{"SELECT "} + document_columns + " FROM bots WHERE ns = $1::text AND name = $2::text";
    auto rows = connection().query(sql, ns, name);
    if (!rows.next())
      return not_in_catalog("bot", ns, name);
    return take_bot(rows);
  });
}

store_result<model_record> pg_reader::get_model(const std::string& ns, const std::string& name) {
  return guarded<model_record>([&]() -> store_result<model_record> {
    static const std::string sql
      = std::string{"SELECT "} + document_columns + " FROM models WHERE ns = $1::text AND name = $2::text";
    auto rows = connection().query(sql, ns, name);
    if (!rows.next())
      return not_in_catalog("model", ns, name);
    return take_model(rows);
  });
}

template <class Record, class Take>
store_result<page<Record, std::string>> pg_reader::list_documents(const pg_page_sql& sql, const std::string& ns,
                                                                  const std::string& after, int limit, Take take) {
  using result = page<Record, std::string>;
  return guarded<result>([&]() -> store_result<result> {
    const auto take_all = [limit, &take](pg_page_rows& rows) {
      return take_page<Record, std::string>(rows, limit, [&take](pg_page_rows& row) {
        auto record = take(row);
        auto name = record.name;
        return std::pair{std::move(record), std::move(name)};
      });
    };
    return read_pg_page(connection(), sql, limit, take_all, ns, after, limit);
  });
}

store_result<page<bot_record, std::string>> pg_reader::list_bots(const std::string& ns, const std::string& after,
                                                                 int limit) {
  static const auto sql = documents_page("bots");
  return list_documents<bot_record>(sql, ns, after, limit, take_bot<pg_page_rows>);
}

store_result<page<model_record, std::string>> pg_reader::list_models(const std::string& ns, const std::string& after,
                                                                     int limit) {
  static const auto sql = documents_page("models");
  return list_documents<model_record>(sql, ns, after, limit, take_model<pg_page_rows>);
}

// -- the queue and the nodes ----------------------------------------------------

store_result<queue_stats> pg_reader::queue(const std::string& after, int limit) {
  return guarded<queue_stats>([&]() -> store_result<queue_stats> {
    // What is due counts as ready, though a claim has yet to notice; so does what is promised to a node.
    static const std::string sums
      = "count(*) FILTER (WHERE ready), count(*) FILTER (WHERE waits AND NOT held), count(*) FILTER (WHERE waits AND "
        "held), count(*) FILTER (WHERE state = 2), count(*) FILTER (WHERE state = 1), min(due_at) FILTER (WHERE ready) "
        "FROM (SELECT ns, state, held, due_at, state IN (0, 4) OR (state = 3 AND due_at <= $1::bigint) AS ready, "
        "state = 3 AND due_at > $1::bigint AS waits FROM queue) q";
    static const std::string of_all = "SELECT '', " + sums;
    static const std::string of_each
      = "SELECT ns, " + sums
        + R"( WHERE ns COLLATE "C" > $2::text GROUP BY ns ORDER BY ns COLLATE "C" LIMIT $3::int + 1)";
    const auto at = now();
    queue_stats stats;
    auto total = connection().query(of_all, at);
    total.next();
    stats.totals = take_queue_row(total);
    if (limit > 0) {
      auto rows = connection().query(of_each, at, after, limit);
      take_queue(rows, limit, stats);
    }
    return stats;
  });
}

store_result<std::vector<node_record>> pg_reader::nodes() {
  return guarded<std::vector<node_record>>([&]() -> store_result<std::vector<node_record>> {
    auto rows = connection().query(select_nodes);
    return take_nodes(rows);
  });
}

} // namespace troupe
