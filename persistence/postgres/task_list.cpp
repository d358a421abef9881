#include "persistence/postgres/task_list.hpp"

#include "persistence/rows/record_columns.hpp"

#include <string>
#include <vector>

namespace troupe {

namespace {

/// Where the tasks of a filter are found: each source is a SELECT of ids that an index
/// gives in the order of ids.
std::vector<std::string> sources(const task_filter& filter) {
  if (filter.thread_id)
    return {"SELECT id FROM tasks t WHERE t.id = $2::uuid AND t.thread_id = $2::uuid",
            "SELECT id FROM tasks t WHERE t.thread_id = $2::uuid AND t.thread_id <> t.id"};
  if (filter.status && *filter.status != task_status::completed) {
    std::vector<std::string> found{"SELECT id FROM tasks t WHERE t.listed = $3::smallint AND t.listed IS NOT NULL"};
    if (*filter.status == task_status::pending)
      found.emplace_back("SELECT t.id FROM queue h JOIN tasks t ON t.id = h.task_id WHERE NOT h.held");
    if (*filter.status == task_status::running)
      found.emplace_back("SELECT t.id FROM queue h JOIN tasks t ON t.id = h.task_id WHERE h.held");
    return found;
  }
  if (filter.created_by && !filter.created_by->empty())
    return {"SELECT id FROM tasks t WHERE t.created_by = $4::text AND t.created_by <> ''"};
  return {"SELECT id FROM tasks t WHERE true"};
}

} // namespace

const std::string& pg_task_columns() {
  static const std::string columns = select_list<task_record>(
    "t", {
           {"status", "CASE WHEN q.task_id IS NULL THEN t.status WHEN q.held THEN 1 ELSE 0 END"},
           {"attempt", "coalesce(q.attempt, t.attempt)"},
           {"waits_for", "CASE WHEN q.state = 1 THEN 0::smallint ELSE t.waits_for END"},
           {"updated_at", "CASE WHEN q.state = 1 THEN greatest(t.updated_at, q.started_at) ELSE t.updated_at END"},
           {"started_at", "CASE WHEN q.state = 1 THEN coalesce(t.started_at, q.started_at) ELSE t.started_at END"},
           {"node", "CASE WHEN q.state = 1 THEN q.node ELSE t.node END"},
         });
  return columns;
}

// Every value has its own number, so that any set of fields binds alike.
pg_page_sql task_list_page(const task_filter& filter, bool has_before) {
  std::string conditions = " AND t.deleted_at IS NULL AND t.ns = $1::text";
  if (filter.created_by)
    conditions += " AND t.created_by = $4::text";
  if (filter.bot)
    conditions += " AND t.bot = $5::text";
  if (filter.created_after)
    conditions += " AND t.created_at > $6::bigint";
  if (filter.created_before)
    conditions += " AND t.created_at < $7::bigint";
  if (has_before)
    conditions += " AND t.id < $8::uuid";
  // Which of the two rows tells the status depends on whether the task is in the queue.
  std::string status;
  if (filter.status == task_status::completed)
    status = " AND t.status = 2 AND NOT t.queued";
  else if (filter.status && filter.thread_id)
    status = " AND (SELECT CASE WHEN q.task_id IS NULL THEN t.status WHEN q.held THEN 1 ELSE 0 END FROM (SELECT 1) one "
             "LEFT JOIN queue q ON q.task_id = t.id) = $3::smallint";
  std::string members;
  for (const auto& source : sources(filter)) {
    members += members.empty() ? "(" : " UNION ALL (";
    members += source + conditions + status + " ORDER BY id DESC LIMIT $9::int + 1)";
  }
  // All parameters are named, so that their types are known whichever are used.
  const auto from
    = " FROM (SELECT id FROM (" + members
      + ") every ORDER BY id DESC LIMIT $9::int + 1) listed JOIN tasks t ON t.id = listed.id LEFT JOIN queue q "
        "ON q.task_id = t.id WHERE ($2::uuid, $3::smallint, $4::text, $5::text, $6::bigint, $7::bigint, $8::uuid) "
        "IS NOT NULL OR true ORDER BY t.id DESC";
  static const auto texts = long_columns<task_record>("t");
  return make_pg_page(pg_task_columns(), texts, from, "id DESC", "$9::int");
}

} // namespace troupe
