#include "persistence/sqlite/tables/tasks.hpp"

#include "persistence/rows/queue_columns.hpp"
#include "persistence/rows/sql_text.hpp"

#include <cstdint>
#include <string>

namespace troupe {
namespace {

std::string load_sql() {
  return std::string{
           "SELECT t.thread_id, t.ns, t.created_by, t.name, t.bot, t.bot_ns, t.status, t.waits_for, t.attempt, "}
         + select_list<token_usage>("t") + ", coalesce(q.last_seq, t.last_seq), " + select_list<queue_entry>("q")
         + " FROM tasks t LEFT JOIN queue q ON q.task_id = t.id WHERE t.id = ? AND t.deleted_at IS NULL";
}

std::string put_attempt_sql() {
  const auto attempt = texts_of(columns<attempt_record>, {beside<uuid>("task_id")});
  return insert_statement("attempts", attempt) + " ON CONFLICT(task_id, attempt)" + update_on_conflict(attempt);
}

} // namespace

sqlite_tasks::sqlite_tasks(sqlite_connection& connection)
  : insert_{connection.get(),
            insert_statement("tasks", texts_of(columns<task_record>, {beside<std::int64_t>("last_seq")}))},
    load_{connection.get(), load_sql()}, read_{connection.get(), "SELECT " + select_list<task_record>("t")
                                                                   + " FROM tasks t WHERE t.id = ?"},
    find_thread_{connection.get(), "SELECT ns FROM tasks WHERE id = ?1 AND thread_id = ?1 UNION ALL "
                                   "SELECT ns FROM tasks WHERE thread_id = ?1 AND thread_id <> id LIMIT 1"},
    start_{connection.get(), "UPDATE tasks SET status = 1, attempt = ?2, node = ?3, updated_at = ?4, waits_for = 0, "
                             "started_at = coalesce(started_at, ?4) WHERE id = ?1"},
    set_queued_{connection.get(),
                "UPDATE tasks SET status = 0, queued = 1, bot = ?2, bot_ns = ?3, max_attempts = ?4, last_seq = ?5, "
                "updated_at = ?6, completed_at = NULL, error = NULL, error_class = NULL, output = NULL, "
                "finish_reason = NULL WHERE id = ?1"},
    start_by_hand_{connection.get(),
                   "UPDATE tasks SET status = 1, queued = 0, attempt = ?2, node = ?3, last_seq = ?4, updated_at = ?5, "
                   "started_at = coalesce(started_at, ?5) WHERE id = ?1"},
    set_deleted_{connection.get(), "UPDATE tasks SET deleted_at = ?3, updated_at = ?3, last_seq = ?2 WHERE id = ?1"},
    put_attempt_{connection.get(), put_attempt_sql()},
    store_usage_{connection.get(),
                 "UPDATE tasks SET input_tokens = ?2, output_tokens = ?3, cost = ?4, estimated = ?5, updated_at = ?6, "
                 "waits_for = ?7 WHERE id = ?1"},
    finish_{connection.get(),
            "UPDATE tasks SET status = ?2, queued = 0, last_seq = ?3, input_tokens = ?4, output_tokens = ?5, "
            "cost = ?6, estimated = ?7, updated_at = ?8, completed_at = ?8, error_class = ?9, error = ?10, output = "
            "?11, finish_reason = ?12, waits_for = 0 WHERE id = ?1"} {}

// -- reading --------------------------------------------------------------------

std::optional<open_task> sqlite_tasks::load(const uuid& id) {
  auto rows = load_.query(id);
  if (!rows.next())
    return std::nullopt;
  auto source = std::make_shared<event_source>();
  source->task_id = id;
  source->thread_id = rows.take<uuid>();
  source->ns = rows.take<std::string>();
  source->created_by = rows.take<std::string>();
  open_task task;
  task.source = std::move(source);
  task.name = rows.take<std::string>();
  task.bot = rows.take<std::string>();
  task.bot_ns = rows.take<std::string>();
  task.status = rows.take<task_status>();
  task.waits_for = rows.take<wait_reason>();
  task.attempt = rows.take<int>();
  take_columns(rows, columns<token_usage>, task.usage);
  task.last_seq = rows.take<std::int64_t>();
  task.entry = take_queue_entry(rows);
  return task;
}

std::optional<task_record> sqlite_tasks::read(const uuid& id) {
  auto rows = read_.query(id);
  return rows.next() ? std::optional{take_record<task_record>(rows)} : std::nullopt;
}

std::optional<std::string> sqlite_tasks::thread_namespace(const uuid& thread_id) {
  auto rows = find_thread_.query(thread_id);
  return rows.next() ? std::optional{rows.take<std::string>()} : std::nullopt;
}

// -- changes --------------------------------------------------------------------

void sqlite_tasks::insert(const task_record& task, std::int64_t last_seq) {
  insert_.run_each([&](auto put) {
    put(last_seq);
    each_inserted(columns<task_record>, task, put);
  });
}

void sqlite_tasks::start(const uuid& id, int attempt, std::string_view node, timestamp at) {
  start_.run(id, attempt, node, at);
}

void sqlite_tasks::set_queued(const uuid& id, std::string_view bot, std::string_view bot_ns, int max_attempts,
                              std::int64_t last_seq, timestamp at) {
  set_queued_.run(id, bot, bot_ns, max_attempts, last_seq, at);
}

void sqlite_tasks::start_by_hand(const open_task& task, std::string_view node, std::int64_t last_seq, timestamp at) {
  start_by_hand_.run(task.id(), task.attempt, node, last_seq, at);
}

void sqlite_tasks::set_deleted(const uuid& id, std::int64_t last_seq, timestamp at) {
  set_deleted_.run(id, last_seq, at);
}

void sqlite_tasks::put_attempt(const uuid& id, const attempt_record& attempt) {
  put_attempt_.run_each([&](auto put) {
    put(id);
    each_inserted(columns<attempt_record>, attempt, put);
  });
}

void sqlite_tasks::store_usage(const open_task& task, wait_reason waits_for, timestamp at) {
  const auto& usage = task.usage;
  store_usage_.run(task.id(), usage.input_tokens, usage.output_tokens, usage.cost, usage.estimated, at, waits_for);
}

void sqlite_tasks::finish(const open_task& task, const journal_tail& tail, const task_end& end) {
  const auto& usage = task.usage;
  finish_.run(task.id(), end.status, tail.seq, usage.input_tokens, usage.output_tokens, usage.cost, usage.estimated,
              tail.at, end.kind, end.error, end.output, end.finish);
}

} // namespace troupe
